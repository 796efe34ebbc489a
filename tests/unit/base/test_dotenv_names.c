#include <criterion/criterion.h>

#include "svenv/base/dotenv_names.h"
#include "svenv/base/mem.h"

Test(dotenv_names, loaded)
{
    static const struct {
        const char *name;
        bool loaded;
    } rows[] = {
        {".env", true},          {".env.local", true},    {".env.", true},
        {".env.example", false}, {".env.sample", false},  {".env.template", false},
        {".envrc", false},       {"x.env", false},        {".environment", false},
        {".env.examples", true}, {".env.sample.x", true},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        cr_expect_eq(dotenv_name_is_loaded(rows[i].name), rows[i].loaded, "%s", rows[i].name);
}

Test(dotenv_names, patterns)
{
    cr_expect(!dotenv_pattern_spares(".env.*", ".env.local"));
    cr_expect(dotenv_pattern_spares(".env.*", ".env.example"));
    cr_expect(dotenv_pattern_spares(".en?.template", ".env.template"));
    cr_expect(!dotenv_pattern_spares(".env.example", ".env.example"));
    cr_expect(!dotenv_pattern_spares("*.code-workspace", "x.code-workspace"));
}
