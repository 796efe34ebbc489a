/* Any bytes: variables with usable names, those left out counted with a place, then expanded. */
#include <assert.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/formats/dotenv.h"
#include "svenv/plan/plan.h"
#include "svenv/start/start.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {NULL};
    struct dotenv vars = {0};
    struct err err = {0};
    struct plan plan = {.variant = "fuzz"};
    const char *const env[] = {"EXPORTED=x", NULL};
    struct start start = {.env = env, .parent_env = env, .dotenv = &vars};
    int result = dotenv_parse(&arena, "fuzz", (const char *)data, size, &vars, &err);
    const char **made = NULL;

    if (result < 0)
        assert(vars.count == 0 && err.msg[0] != '\0' && err.pos.line > 0 && err.pos.col > 0);
    assert(vars.count <= 1000);
    assert((vars.skipped == 0) == (vars.skipped_why == NULL));
    for (size_t i = 0; i < vars.count; i++) {
        const struct dotenv_var *var = &vars.vars[i];

        assert(var->name[0] != '\0' && strchr(var->name, '=') == NULL && var->line > 0);
        assert(strlen(var->name) + strlen(var->value ? var->value : "") < (128 << 10));
    }
    made = plan_environment(&arena, &plan, &start);
    for (size_t i = 0; made[i] != NULL; i++) {
        assert(strchr(made[i], '=') > made[i] && strlen(made[i]) < (128 << 10));
        for (size_t j = 0; j < i; j++)
            assert(strncmp(made[i], made[j], strcspn(made[i], "=") + 1) != 0);
    }
    arena_finish(&arena);
    return 0;
}
