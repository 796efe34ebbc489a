/* `sandbox-venv run`: any command inside. */
#include "args-internal.h"
#include "command-internal.h"
#include "start-internal.h"

int command_run(const struct args *args)
{
    if (args->rest_count == 0)
        return command_misused("run", "say what to run after '--'");
    return start_program(args, "run", args->rest[0], args->rest + 1, args->rest_count - 1);
}
