/* One golden case: a policy, a described venv and host, and the plan that must come of them.
 *
 *   golden-plan CASE [--write]
 *
 * CASE holds policy.yaml, host.yaml (see README.md) and plan.txt, which --write makes anew. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/num.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/compute/compute.h"
#include "svenv/filter/filter.h"
#include "svenv/formats/yaml.h"

#define FILE_MAX 65536
#define DEVICE 2049 /* every described file lies on the same one */

struct golden {
    struct arena arena;
    struct policy policy;
    struct venv venv;
    struct facts facts;
    const struct yaml_node *show; /* variants to print */
    bool environment;             /* print the built-in rules over variables, too */
};

/* The filter has tests of its own: here only which settings ask for one matters. */
int filter_make(struct arena *arena, const struct policy_values *values, unsigned landlock_abi,
                const void **program_out, size_t *count_out, const char **note_out, struct err *err)
{
    static const char *const profiles[] = {"default", "strict", "debug", "off"};

    (void)err;
    (void)landlock_abi;
    *program_out = arena_alloc(arena, 8);
    *count_out = 1;
    *note_out =
        arena_printf(arena, "%s%s%s", profiles[values->v[POLICY_SYSCALLS_PROFILE].number],
                     values->v[POLICY_NET_MODE].number == NET_MODE_NONE ? ", own network" : "",
                     values->v[POLICY_CAPABILITIES].count > 0 ? ", capabilities" : "");
    return 0;
}

/* "named PATH -> OF": something protected leads to the file. */
static void add_lead(struct golden *g, const char *path, const char *way, const char *of)
{
    static const struct {
        const char *name, *why;
        int kind;
    } ways[] = {
        {"linked", "linked from", LEAD_NAME},
        {"named", "named by", LEAD_GIT},
        {"twin", "the same file as", LEAD_TWIN},
    };
    struct facts *facts = &g->facts;

    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        struct fact_lead *lead = NULL;

        if (!str_eq(ways[i].name, way))
            continue;
        lead = arena_push(&g->arena, &facts->leads, &facts->lead_count, sizeof(*lead));
        *lead = (struct fact_lead){
            .path = path, .of = of, .why = arena_printf(&g->arena, "%s %s", ways[i].why, of)};
        memcpy(&lead->kind, &ways[i].kind, sizeof(lead->kind));
    }
}

static void add_fact(struct golden *g, const char *path, const char *kind, const char *target)
{
    static const struct {
        const char *name;
        int kind;
        bool unreadable;
    } kinds[] = {
        {"dir", FACT_DIR, false},         {"file", FACT_FILE, false},
        {"link", FACT_SYMLINK, false},    {"device", FACT_DEVICE, false},
        {"socket", FACT_SOCKET, false},   {"secret-dir", FACT_DIR, true},
        {"secret-file", FACT_FILE, true}, {"venv", FACT_DIR, false},
        {"repository", FACT_DIR, false},  {"closed", FACT_DIR, false},
        {"linked", FACT_FILE, false},     {"named", FACT_FILE, false},
        {"twin", FACT_FILE, false},
    };
    struct facts *facts = &g->facts;
    size_t row = 0;

    while (row + 1 < ARRAY_SIZE(kinds) && !str_eq(kinds[row].name, kind))
        row++;
    struct fact_path *fact =
        arena_push(&g->arena, &facts->paths, &facts->path_count, sizeof(*fact));
    *fact = (struct fact_path){
        .path = path, .target = target, .unreadable = kinds[row].unreadable, .dev = DEVICE};
    memcpy(&fact->kind, &kinds[row].kind, sizeof(fact->kind));
    fact->ino = 100 + facts->path_count;
    add_lead(g, path, kind, target);
    if (str_eq(kind, "venv") || str_eq(kind, "repository") || str_eq(kind, "closed"))
        *(struct fact_tree *)arena_push(&g->arena, &facts->trees, &facts->tree_count,
                                        sizeof(struct fact_tree)) =
            (struct fact_tree){.path = path,
                               .kind = *kind == 'v'   ? FACT_VENV
                                       : *kind == 'c' ? FACT_CLOSED
                                                      : FACT_REPOSITORY};
}

/* "KIND PATH", "link PATH -> TARGET" */
static void split(struct golden *g, const char *text, const char **kind, const char **path,
                  const char **target)
{
    size_t len = strcspn(text, " ");
    const char *arrow = strstr(text, " -> ");
    const char *rest = text + len + (text[len] == ' ');

    *kind = arena_strndup(&g->arena, text, len);
    *path = arrow ? arena_strndup(&g->arena, rest, (size_t)(arrow - rest)) : rest;
    *target = arrow ? arrow + 4 : NULL;
}

static void add_need(struct golden *g, const char *text)
{
    struct venv_need *need =
        arena_push(&g->arena, &g->venv.needs, &g->venv.need_count, sizeof(*need));
    const char *kind = NULL;

    split(g, text, &kind, &need->path, &need->target);
    need->kind = str_eq(kind, "dir")    ? VENV_NEED_DIR
                 : str_eq(kind, "link") ? VENV_NEED_SYMLINK
                                        : VENV_NEED_FILE;
    add_fact(g, need->path, kind, need->target);
}

static const char *text_of(const struct yaml_node *map, const char *key, const char *otherwise)
{
    const struct yaml_node *node = map ? yaml_get(map, key) : NULL;

    return node ? node->text : otherwise;
}

static uint32_t number_of(const struct yaml_node *map, const char *key, uint32_t otherwise)
{
    uint64_t number = otherwise;

    num_parse_u64(text_of(map, key, ""), UINT32_MAX, &number);
    return (uint32_t)number;
}

/* The names that wrapping leaves in every venv. */
static void add_venv_facts(struct golden *g)
{
    static const struct {
        const char *kind, *name;
    } rows[] = {{"dir", ""},      {"dir", "bin"},         {"dir", "sandbox"},    {"dir", "home"},
                {"dir", "cache"}, {"file", "pyvenv.cfg"}, {"dir", "sandbox/bin"}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *path = path_join(g->venv.path, rows[i].name);
        auto_free char *plain = path_normalise("/", path);

        add_fact(g, arena_strdup(&g->arena, plain), rows[i].kind, NULL);
    }
    if (g->venv.project && !str_eq(g->venv.project, g->venv.path))
        add_fact(g, g->venv.project, "dir", NULL);
}

static void read_venv(struct golden *g, const struct yaml_node *map)
{
    struct venv *venv = &g->venv;

    venv->path = text_of(map, "path", "/home/dev/project/.venv");
    venv->named = text_of(map, "named", venv->path);
    venv->project = text_of(map, "project", NULL);
    venv->project_named = text_of(map, "project-named", venv->project);
    venv->id = text_of(map, "id", "00112233445566778899aabbccddeeff");
    venv->python = text_of(map, "python", "python3");
    add_venv_facts(g);
}

static int read_yaml(struct golden *g, const char *path, const struct yaml_node **root_out,
                     struct err *err)
{
    auto_buf struct buf text = {0};
    struct yaml_node *root = NULL;
    int rc = file_read(AT_FDCWD, path, FILE_MAX, &text, err);

    if (rc == 0)
        rc = yaml_parse(&g->arena, path, text.data, text.len, &root, err);
    *root_out = root;
    return rc;
}

static void read_paths(struct golden *g, const struct yaml_node *root)
{
    const struct yaml_node *paths = yaml_get(root, "paths");

    for (size_t i = 0; paths && i < paths->count; i++) {
        const char *kind = NULL, *path = NULL, *target = NULL;

        split(g, paths->items[i]->text, &kind, &path, &target);
        add_fact(g, path, kind, target);
    }
}

static int read_host(struct golden *g, const char *dir, struct err *err)
{
    auto_free char *file = path_join(dir, "host.yaml");
    auto_free char *hosts = path_join(dir, "../../hosts");
    const struct yaml_node *root = NULL, *base = NULL;
    int rc = read_yaml(g, file, &root, err);

    if (rc == 0) {
        auto_free char *base_file = path_join(hosts, text_of(root, "base", "debian.yaml"));

        rc = read_yaml(g, base_file, &base, err);
    }
    if (rc < 0)
        return rc;
    g->facts.uid = number_of(root, "uid", 1000);
    g->facts.gid = number_of(root, "gid", 1000);
    g->facts.landlock_abi = number_of(root, "landlock", 7);
    g->facts.home = text_of(root, "home", "/home/dev");
    g->facts.home_named = text_of(root, "home-named", g->facts.home);
    g->facts.launcher_dir = text_of(root, "launcher", "/usr/local/libexec/sandbox-venv");
    g->facts.audit_log =
        text_of(root, "audit-log",
                arena_printf(&g->arena, "%s/.local/state/sandbox-venv/audit.jsonl", g->facts.home));
    g->show = yaml_get(root, "show");
    g->environment = str_eq(text_of(root, "environment", "no"), "yes");
    read_paths(g, root); /* first: the case's own words count */
    read_venv(g, yaml_get(root, "venv"));
    read_paths(g, base);
    const struct yaml_node *needs = yaml_get(root, "needs");
    for (size_t i = 0; needs && i < needs->count; i++)
        add_need(g, needs->items[i]->text);
    return 0;
}

static int read_policy(struct golden *g, const char *dir, struct err *err)
{
    auto_free char *path = path_join(dir, "policy.yaml");
    auto_free char *none = path_join(dir, "no-templates");
    auto_buf struct buf text = {0};
    int rc = file_read(AT_FDCWD, path, FILE_MAX, &text, err);

    return rc < 0 ? rc
                  : policy_load_text(&g->policy, "policy.yaml", text.data ? text.data : "",
                                     text.len, none, err);
}

static bool is_shown(const struct golden *g, const char *variant)
{
    bool shown = !g->show && str_eq(variant, "default");

    for (size_t i = 0; g->show && i < g->show->count; i++)
        shown = shown || str_eq(g->show->items[i]->text, variant);
    return shown;
}

/* The built-in rules over variables are many, and the same in every case. */
static void add_lines(const struct golden *g, const struct buf *plan, struct buf *out)
{
    const char *line = plan->data;

    while (line && *line) {
        size_t len = strcspn(line, "\n") + 1;
        auto_free char *text = xstrndup(line, len);

        if (g->environment || !str_starts(text, "env ") || !str_ends(text, "# default\n"))
            buf_add_str(out, text);
        line += len;
    }
}

/* A refusal is a result like any other. */
static void make_plan(struct golden *g, struct buf *out)
{
    auto_plan_file struct plan_file file;
    struct err err = {0};
    char text[1024];

    plan_file_init(&file);
    if (policy_check(&g->policy, g->facts.home, &err) < 0 ||
        plan_compute(&file, &g->policy, &g->venv, &g->facts, &err) < 0) {
        buf_printf(out, "refused  %s\n", err_text(&err, text, sizeof(text)));
        return;
    }
    for (size_t i = 0; i < file.variant_count; i++) {
        if (!is_shown(g, file.variants[i].plan.variant))
            continue;
        if (out->len > 0)
            buf_add_char(out, '\n');
        for (size_t j = 0; j < file.variants[i].match_count; j++)
            buf_printf(out, "match    %s\n", file.variants[i].match[j]);
        auto_buf struct buf plan = {0};
        plan_print(&file.variants[i].plan, &plan);
        add_lines(g, &plan, out);
    }
}

static int compare(const char *dir, const struct buf *plan, bool write, struct err *err)
{
    auto_free char *path = path_join(dir, "plan.txt");
    auto_buf struct buf expected = {0};
    int rc;

    if (write) {
        auto_fd int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 ? err_set(err, errno, "cannot open '%s'", dir)
                      : file_write_atomic(fd, "plan.txt", plan->data, plan->len, 0644, err);
    }
    rc = file_read(AT_FDCWD, path, 16 * FILE_MAX, &expected, err);
    if (rc < 0)
        return rc;
    if (expected.len == plan->len && memcmp(expected.data, plan->data, plan->len) == 0)
        return 0;
    fwrite(plan->data, 1, plan->len, stdout);
    return err_plain(err, EINVAL,
                     "'%s' differs from the plan above; if the plan is right, run "
                     "golden-plan %s --write",
                     path, dir);
}

int main(int argc, char **argv)
{
    struct golden g = {.show = NULL};
    auto_buf struct buf plan = {0};
    struct err err = {0};
    char text[1024];
    int rc;

    if (argc < 2 || argc > 3 || (argc == 3 && !str_eq(argv[2], "--write"))) {
        fprintf(stderr, "usage: golden-plan CASE [--write]\n");
        return 2;
    }
    policy_init(&g.policy);
    rc = read_host(&g, argv[1], &err);
    if (rc == 0)
        rc = read_policy(&g, argv[1], &err);
    if (rc == 0) {
        make_plan(&g, &plan);
        rc = compare(argv[1], &plan, argc == 3, &err);
    }
    if (rc < 0)
        fprintf(stderr, "golden-plan: %s\n", err_text(&err, text, sizeof(text)));
    policy_finish(&g.policy);
    arena_finish(&g.arena);
    return rc < 0 ? 1 : 0;
}
