/* The table of names of secrets, and the questions about it. */
#include "svenv/base/secret.h"

#include <string.h>

#include "svenv/base/mem.h"
#include "svenv/base/str.h"

#define NAME_SIZE 128

/* A row in capitals fits every case, a row in small letters only small ones ("PWD" is where the
 * shell is). The environment rules have the same order. docs/policy.md has the same rows and a test
 * compares them. */
static const struct secret_row secret_table[] = {
    /* how many words of a text */
    {"*TOKENIZER*", SECRET_NONE},
    {"MAX_*TOKENS", SECRET_NONE},
    {"*_MAX_*TOKENS", SECRET_NONE},
    {"NUM_*TOKENS", SECRET_NONE},
    {"*_NUM_*TOKENS", SECRET_NONE},

    {"*TOKEN*", SECRET_ANYWHERE},
    {"*SECRET*", SECRET_ANYWHERE},
    {"*PASSWORD*", SECRET_ANYWHERE},
    {"*PASSWD*", SECRET_ANYWHERE},
    {"*PASSPHRASE*", SECRET_ANYWHERE},
    {"*CREDENTIAL*", SECRET_ANYWHERE},
    {"*_KEY", SECRET_ANYWHERE},
    {"*_KEY_ID", SECRET_ANYWHERE},
    {"*_KEYS", SECRET_ANYWHERE},
    {"*_KEY_BASE64", SECRET_ANYWHERE},
    {"*_KEY_FILE", SECRET_VARIABLE},
    {"*APIKEY*", SECRET_ANYWHERE},
    {"*API_KEY*", SECRET_ANYWHERE},
    {"*PRIVATE*KEY*", SECRET_ANYWHERE},
    {"*_PASS", SECRET_ANYWHERE},
    {"*_PAT", SECRET_ANYWHERE},
    {"*_PWD", SECRET_ANYWHERE},
    {"*_DSN", SECRET_ANYWHERE},
    {"*_AUTH", SECRET_ANYWHERE},
    {"*AUTHORIZATION*", SECRET_ANYWHERE},
    {"*BEARER*", SECRET_ANYWHERE},
    {"*_COOKIE", SECRET_ANYWHERE},
    {"*_WEBHOOK*", SECRET_ANYWHERE},
    {"*_CONNECTION_STRING", SECRET_ANYWHERE},

    {"DATABASE_URL", SECRET_VARIABLE},
    {"*_DATABASE_URL", SECRET_VARIABLE},
    {"REDIS_URL", SECRET_VARIABLE},
    {"MONGO*_UR?", SECRET_VARIABLE},
    {"AMQP_URL", SECRET_VARIABLE},
    {"PGPASSFILE", SECRET_VARIABLE},
    {"AWS_*", SECRET_VARIABLE},
    {"AZURE_*", SECRET_VARIABLE},
    {"ARM_*", SECRET_VARIABLE},
    {"GOOGLE_*", SECRET_VARIABLE},
    {"GCLOUD_*", SECRET_VARIABLE},
    {"CLOUDSDK_*", SECRET_VARIABLE},
    {"GITHUB_*", SECRET_VARIABLE},
    {"GITLAB_*", SECRET_VARIABLE},
    {"CI_JOB_*", SECRET_VARIABLE},
    {"VAULT_*", SECRET_VARIABLE},
    {"TWINE_*", SECRET_VARIABLE},
    {"NPM_*", SECRET_VARIABLE},
    {"NETRC", SECRET_VARIABLE},
    {"CURL_HOME", SECRET_VARIABLE},

    /* COOKIECUTTER_CONFIG and KEY=... for one command are meant for the program */
    {"*COOKIE*", SECRET_PRINTED},
    {"*_AUTH_*", SECRET_PRINTED},
    {"KEY", SECRET_PRINTED},
    {"PASS", SECRET_PRINTED},
    {"pwd", SECRET_PRINTED},
    {"AUTH", SECRET_PRINTED},
    {"DSN", SECRET_PRINTED},
    {"PAT", SECRET_PRINTED},
    {"SIG", SECRET_PRINTED},
    {"SIGNATURE", SECRET_PRINTED},
};

const struct secret_row *secret_rows(size_t *count_out)
{
    *count_out = ARRAY_SIZE(secret_table);
    return secret_table;
}

bool secret_row_withholds(const struct secret_row *row)
{
    return row->kind == SECRET_ANYWHERE || row->kind == SECRET_VARIABLE;
}

/* A name twice: as it stands, and in capitals. */
struct spelling {
    char written[NAME_SIZE];
    char capitals[NAME_SIZE];
};

/* Return: false when there is no room for a name that long. */
static bool secret_spell(const char *name, size_t len, struct spelling *out)
{
    if (len >= sizeof(out->written))
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = name[i] == '-' || name[i] == '.' ? '_' : name[i];

        out->written[i] = c;
        out->capitals[i] = str_capital(c);
    }
    out->written[len] = out->capitals[len] = '\0';
    return true;
}

static bool row_fits(const struct secret_row *row, const struct spelling *name)
{
    bool as_written =
        row->kind == SECRET_VARIABLE || str_capital(row->pattern[0]) != row->pattern[0];

    return str_glob(row->pattern, as_written ? name->written : name->capitals);
}

/* A name that is too long for the table is a secret's: no honest one is. */
static enum secret_kind secret_kind_of(const char *name, size_t len)
{
    struct spelling spelling;

    while (len > 0 && *name == '-') {
        name++;
        len--;
    }
    if (!secret_spell(name, len, &spelling))
        return SECRET_ANYWHERE;
    for (size_t i = 0; i < ARRAY_SIZE(secret_table); i++) {
        if (row_fits(&secret_table[i], &spelling))
            return secret_table[i].kind;
    }
    return SECRET_NONE;
}

bool secret_is_name(const char *name, size_t len)
{
    return secret_kind_of(name, len) != SECRET_NONE;
}

bool secret_is_sought(const char *name, size_t len)
{
    enum secret_kind kind = secret_kind_of(name, len);

    return kind == SECRET_ANYWHERE || kind == SECRET_PRINTED;
}

bool secret_is_withheld(const char *name)
{
    struct spelling spelling;

    if (!secret_spell(name, strlen(name), &spelling))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(secret_table); i++) {
        if (secret_row_withholds(&secret_table[i]) && row_fits(&secret_table[i], &spelling))
            return true;
    }
    return false;
}
