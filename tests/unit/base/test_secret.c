#include <criterion/criterion.h>
#include <string.h>

#include "svenv/base/mem.h"
#include "svenv/base/secret.h"
#include "svenv/base/str.h"

#define YES true
#define NO false

/* secret: its value is not printed. withheld: by the rules over variables. sought: in other texts.
 */
static const struct {
    const char *name;
    bool secret, withheld, sought;
} rows[] = {
    /* everywhere */
    {"GITHUB_PAT", YES, YES, YES},
    {"SENTRY_DSN", YES, YES, YES},
    {"DB_PASS", YES, YES, YES},
    {"db_pass", YES, YES, YES},
    {"MYSQL_PWD", YES, YES, YES},
    {"HTTP_AUTH", YES, YES, YES},
    {"OPENAI_API_KEY", YES, YES, YES},
    {"Api-Key", YES, YES, YES},
    {"apikey", YES, YES, YES},
    {"AWS_ACCESS_KEY_ID", YES, YES, YES},
    {"JWT_KEYS", YES, YES, YES},
    {"ENCRYPTION_KEY_BASE64", YES, YES, YES},
    {"DJANGO_SECRET_KEY", YES, YES, YES},
    {"my.secret", YES, YES, YES},
    {"MyToken", YES, YES, YES},
    {"PGPASSWORD", YES, YES, YES},
    {"DB_PASSWD", YES, YES, YES},
    {"GPG_PASSPHRASE", YES, YES, YES},
    {"GOOGLE_APPLICATION_CREDENTIALS", YES, YES, YES},
    {"SSH_PRIVATE_KEY_DATA", YES, YES, YES},
    {"privatekey", YES, YES, YES},
    {"SESSION_COOKIE", YES, YES, YES},
    {"SLACK_WEBHOOK_URL", YES, YES, YES},
    {"STORAGE_CONNECTION_STRING", YES, YES, YES},
    {"HTTP_AUTHORIZATION", YES, YES, YES},
    {"Authorization", YES, YES, YES},
    {"bearer", YES, YES, YES},
    /* variables as they are written; their values may stand in every text (a region, a path) */
    {"AWS_REGION", YES, YES, NO},
    {"aws_region", NO, NO, NO},
    {"GITHUB_WORKSPACE", YES, YES, NO},
    {"CI_JOB_NAME", YES, YES, NO},
    {"AZURE_X", YES, YES, NO},
    {"ARM_X", YES, YES, NO},
    {"arm_length", NO, NO, NO},
    {"GOOGLE_X", YES, YES, NO},
    {"GCLOUD_X", YES, YES, NO},
    {"CLOUDSDK_X", YES, YES, NO},
    {"GITLAB_X", YES, YES, NO},
    {"VAULT_ADDR", YES, YES, NO},
    {"TWINE_USERNAME", YES, YES, NO},
    {"NPM_CONFIG_X", YES, YES, NO},
    {"DATABASE_URL", YES, YES, NO},
    {"APP_DATABASE_URL", YES, YES, NO},
    {"REDIS_URL", YES, YES, NO},
    {"MONGODB_URI", YES, YES, NO},
    {"AMQP_URL", YES, YES, NO},
    {"PGPASSFILE", YES, YES, NO},
    {"TLS_KEY_FILE", YES, YES, NO},
    {"NETRC", YES, YES, NO},
    {"CURL_HOME", YES, YES, NO},
    /* not printed, but no reason to keep a variable back */
    {"COOKIECUTTER_CONFIG", YES, NO, YES},
    {"SMTP_AUTH_USER", YES, NO, YES},
    {"key", YES, NO, YES},
    {"PASS", YES, NO, YES},
    {"pwd", YES, NO, YES},
    {"auth", YES, NO, YES},
    {"dsn", YES, NO, YES},
    {"pat", YES, NO, YES},
    {"sig", YES, NO, YES},
    {"signature", YES, NO, YES},
    /* counts of words: kept back as before, and may be read */
    {"TOKENIZERS_PARALLELISM", NO, YES, NO},
    {"tokenizer", NO, YES, NO},
    {"MAX_TOKENS", NO, YES, NO},
    {"max-new-tokens", NO, YES, NO},
    {"OPENAI_MAX_TOKENS", NO, YES, NO},
    {"num_tokens", NO, YES, NO},
    {"API_TOKENS", YES, YES, YES},
    {"ADMIN_TOKENS", YES, YES, YES},
    /* no secrets */
    {"PWD", NO, NO, NO},
    {"OLDPWD", NO, NO, NO},
    {"PATH", NO, NO, NO},
    {"GIT_AUTHOR_NAME", NO, NO, NO},
    {"KEYBOARD", NO, NO, NO},
    {"MONKEY", NO, NO, NO},
    {"PATTERN", NO, NO, NO},
    {"DEBUG", NO, NO, NO},
    {"BYPASS", NO, NO, NO},
    {"COMPASS_HOME", NO, NO, NO},
    {"SHELL", NO, NO, NO},
    {"PIP_INDEX_URL", NO, NO, NO},
    {"", NO, NO, NO},
};

Test(secret, names)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *name = rows[i].name;
        size_t len = strlen(name);

        cr_expect_eq(secret_is_name(name, len), rows[i].secret, "printed: %s", name);
        cr_expect_eq(secret_is_sought(name, len), rows[i].sought, "sought: %s", name);
        cr_expect_eq(secret_is_withheld(name), rows[i].withheld, "withheld: %s", name);
    }
}

Test(secret, options_with_their_dashes)
{
    cr_expect(secret_is_name("--password", 10));
    cr_expect(secret_is_name("-token", 6));
    cr_expect(secret_is_name("--db-password", 13));
    cr_expect_not(secret_is_name("--max-tokens", 12));
    cr_expect_not(secret_is_name("---", 3));
}

/* A line of environment.pass may be a pattern: does it name secrets? */
Test(secret, patterns)
{
    cr_expect(secret_is_withheld("AWS_*"));
    cr_expect(secret_is_withheld("MY_TOKEN*"));
    cr_expect(secret_is_withheld("my_token*"));
    cr_expect_not(secret_is_withheld("DJANGO_*"));
    cr_expect_not(secret_is_withheld("*"));
}

Test(secret, only_as_many_bytes_as_are_given)
{
    cr_expect_not(secret_is_name("API_KEYBOARD", 5));
    cr_expect(secret_is_name("API_KEYBOARD", 7));
}

/* Too long for the table, so on the safe side. */
Test(secret, an_endless_name_is_one)
{
    char name[300];

    memset(name, 'x', sizeof(name));
    cr_expect_not(secret_is_name(name, 100));
    cr_expect(secret_is_name(name, sizeof(name)));
}

/* A row that lies within an earlier one of its kind would say nothing. */
Test(secret, no_row_is_idle)
{
    size_t count = 0;
    const struct secret_row *table = secret_rows(&count);

    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++)
            cr_expect(table[j].kind != table[i].kind ||
                          !str_glob(table[j].pattern, table[i].pattern),
                      "%s covers %s", table[j].pattern, table[i].pattern);
    }
}
