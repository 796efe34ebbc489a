/* The compiled plan. One function per struct describes its layout; the same function writes and
 * reads, so that the two directions cannot drift apart. Each scalar goes through
 * `value = code_x(codec, value)`: writing gives the value back, reading gives what was read. */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "svenv/base/err.h"
#include "svenv/base/str.h"
#include "svenv/plan/plan.h"

#include "codec-internal.h"

#define PLAN_MAGIC "SVENVPLN"
#define PLAN_VERSION 10u
#define HEADER_SIZE 32u      /* magic, version, zero, LENGTH_AT, SUM_AT */
#define LENGTH_AT 16u        /* of the whole */
#define SUM_AT 24u           /* over all that follows the header */
#define CPUS_MAX 4096        /* more is no limit anywhere */
#define FILTER_INSN 8u       /* sizeof(struct sock_filter) */
#define FILTER_INSN_MAX 4096 /* the kernel's limit */

#define OP_FLAGS                                                                                   \
    ((uint32_t)(PLAN_RW | PLAN_DEVICES | PLAN_TRY | PLAN_HOSTILE | PLAN_IDENTITY | PLAN_PROJECT |  \
                PLAN_OWN))
#define FLAGS                                                                                      \
    ((uint32_t)(PLAN_OWN_NET | PLAN_NEW_SESSION | PLAN_USERNS_OK | PLAN_INSTALLER | PLAN_CWD_RO |  \
                PLAN_CWD_RW | PLAN_ENV_CLEAR | PLAN_USE_LANDLOCK | PLAN_PROJECT_ARGUMENTS |        \
                PLAN_FILTER_OFF))

/* --- one function per struct --------------------------------------------------------------------
 */

static void code_file_id(struct codec *c, struct file_id *id)
{
    id->dev = code_u64(c, id->dev);
    id->ino = code_u64(c, id->ino);
    id->mtime_ns = code_i64(c, id->mtime_ns);
    id->ctime_ns = code_i64(c, id->ctime_ns);
    id->size = code_u64(c, id->size);
    id->mode = code_u32(c, id->mode);
}

/* Paths below it are "PATH/...", so it has no slash at its end. */
static bool is_plain_path(const char *path)
{
    return path[0] == '/' && (path[1] == '\0' || path[strlen(path) - 1] != '/');
}

/* Where a start makes nodes for what it shows: a directory above the source, or the source. */
static void code_base(struct codec *c, struct plan_op *op)
{
    op->base = code_u32(c, op->base);
    if (op->kind != PLAN_BIND || op->src == NULL || !is_plain_path(op->src) || op->base == 0 ||
        op->base > strlen(op->src) || (op->src[op->base] != '/' && op->src[op->base] != '\0'))
        codec_fail(c, "has a directory of ours that lies nowhere");
}

static void code_op(struct codec *c, void *item)
{
    struct plan_op *op = item;

    op->kind = (enum plan_op_kind)code_below(c, op->kind, PLAN_OP__COUNT);
    op->flags = code_flags(c, op->flags, OP_FLAGS);
    op->mode = code_u32(c, op->mode);
    op->size = code_u64(c, op->size);
    op->src = code_str(c, op->src);
    op->dest = code_text(c, op->dest);
    op->dev = code_u64(c, op->dev);
    op->ino = code_u64(c, op->ino);
    op->origin = code_str(c, op->origin);
    if ((op->kind == PLAN_BIND || op->kind == PLAN_SYMLINK) && op->src == NULL)
        codec_fail(c, "has a mount without a source");
    if (!is_plain_path(op->dest))
        codec_fail(c, "has a mount at no absolute path");
    if (op->flags & PLAN_OWN)
        code_base(c, op);
}

static void code_node(struct codec *c, void *item)
{
    struct plan_node *node = item;

    node->kind = (enum plan_node_kind)code_below(c, node->kind, PLAN_NODE__COUNT);
    node->base = code_text(c, node->base);
    node->rel = code_text(c, node->rel);
    node->target = code_str(c, node->target);
    if (node->kind == PLAN_NODE_SYMLINK && node->target == NULL)
        codec_fail(c, "has a symbolic link without a target");
}

static void code_env_rule(struct codec *c, void *item)
{
    struct plan_env_rule *rule = item;

    rule->pattern = code_text(c, rule->pattern);
    rule->letters = str_capitals(rule->pattern);
    rule->action = (enum plan_env_action)code_below(c, rule->action, PLAN_ENV_ACTION__COUNT);
    rule->origin = code_str(c, rule->origin);
    rule->any_case = code_bool(c, rule->any_case);
}

static void code_env_set(struct codec *c, void *item)
{
    struct plan_env_set *set = item;

    set->name = code_text(c, set->name);
    set->value = code_str(c, set->value);
    set->origin = code_str(c, set->origin);
}

static void code_limit(struct codec *c, void *item)
{
    struct plan_limit *limit = item;

    limit->resource = (int)code_below(c, (uint32_t)limit->resource, RLIM_NLIMITS);
    limit->value = code_u64(c, limit->value);
    limit->origin = code_str(c, limit->origin);
}

static void code_landlock(struct codec *c, void *item)
{
    struct plan_landlock *rule = item;

    rule->path = code_text(c, rule->path);
    rule->write = code_bool(c, rule->write);
    rule->connect = code_bool(c, rule->connect);
}

static void code_filter(struct codec *c, struct plan *plan)
{
    assert(plan->filter_count <= FILTER_INSN_MAX);
    plan->filter_count = code_below(c, (uint32_t)plan->filter_count, FILTER_INSN_MAX + 1);
    code_padding(c);
    if (c->out != NULL)
        buf_add(c->out, plan->filter, plan->filter_count * FILTER_INSN);
    else if (plan->filter_count > 0)
        plan->filter = codec_take(c, plan->filter_count * FILTER_INSN);
    plan->filter_note = code_str(c, plan->filter_note);
}

static void code_group(struct codec *c, struct plan *plan)
{
    for (size_t i = 0; i < PLAN_GROUP__COUNT; i++) {
        plan->group[i].value = code_u64(c, plan->group[i].value);
        plan->group[i].origin = code_str(c, plan->group[i].origin);
    }
    if (plan->group[PLAN_GROUP_CPUS].value > CPUS_MAX)
        codec_fail(c, "has a value that does not exist");
}

/* Fields that a start must know before all else come first, so that they can be read alone. */
static void code_plan_head(struct codec *c, struct plan *plan)
{
    plan->variant = code_text(c, plan->variant);
    plan->flags = code_flags(c, plan->flags, FLAGS);
    plan->uid = code_u32(c, plan->uid);
    plan->gid = code_u32(c, plan->gid);
    plan->hostname = code_str(c, plan->hostname);
    plan->caps = code_u64(c, plan->caps);
    plan->lifetime = (enum plan_lifetime)code_below(c, plan->lifetime, PLAN_LIFETIME_PROGRAM + 1);
    plan->wall_time = code_u64(c, plan->wall_time);
    code_group(c, plan);
    plan->landlock_abi = code_u32(c, plan->landlock_abi);
    plan->chdir = code_str(c, plan->chdir);
    plan->dotenv = code_str(c, plan->dotenv);
    plan->audit = (enum plan_audit)code_below(c, plan->audit, PLAN_AUDIT__COUNT);
    plan->audit_log = code_str(c, plan->audit_log);
    if (plan->audit != PLAN_AUDIT_OFF && (plan->audit_log == NULL || plan->audit_log[0] != '/'))
        codec_fail(c, "has an audit level without a log");
}

static void code_plan(struct codec *c, struct plan *plan)
{
    code_plan_head(c, plan);
    CODE_ARRAY(c, plan->ops, plan->op_count, code_op);
    CODE_ARRAY(c, plan->nodes, plan->node_count, code_node);
    CODE_ARRAY(c, plan->env_rules, plan->env_rule_count, code_env_rule);
    CODE_ARRAY(c, plan->env_set, plan->env_set_count, code_env_set);
    CODE_ARRAY(c, plan->limits, plan->limit_count, code_limit);
    CODE_ARRAY(c, plan->landlock, plan->landlock_count, code_landlock);
    code_obeyed_list(c, &plan->obeyed, &plan->obeyed_count);
    code_filter(c, plan);
}

static void code_pattern(struct codec *c, void *item)
{
    const char **pattern = item;

    *pattern = code_text(c, *pattern);
}

/* A part that a start may not need, or needs later, says how long it is. */
struct packing {
    size_t len_at;
    size_t from;
};

/* Return: false when reading: the part is left as it is. */
static bool begin_packed(struct codec *c, const void **packed, size_t *len, struct packing *out)
{
    uint32_t size = 0;

    assert(c->out == NULL || *packed == NULL);
    out->len_at = c->out != NULL ? c->out->len : 0;
    size = code_u32(c, 0);
    code_padding(c);
    if (c->out == NULL) {
        *packed = codec_take(c, size);
        *len = size;
        return false;
    }
    out->from = c->out->len;
    return true;
}

static void end_packed(struct codec *c, const struct packing *packing)
{
    uint32_t size = 0;

    code_padding(c);
    size = (uint32_t)(c->out->len - packing->from);
    memcpy(c->out->data + packing->len_at, &size, sizeof(size));
}

/* A start needs one variant of several: see plan_load(). */
static void code_variant(struct codec *c, void *item)
{
    struct plan_variant *variant = item;
    struct packing packing;

    CODE_ARRAY(c, variant->match, variant->match_count, code_pattern);
    if (begin_packed(c, &variant->packed, &variant->packed_len, &packing)) {
        code_plan(c, &variant->plan);
        end_packed(c, &packing);
    }
}

static void code_input(struct codec *c, void *item)
{
    struct plan_input *input = item;

    input->path = code_text(c, input->path);
    input->follow = code_bool(c, input->follow);
    input->directory = code_bool(c, input->directory);
    code_file_id(c, &input->id);
}

static void code_file(struct codec *c, struct plan_file *file)
{
    struct packing packing;

    file->tool = code_str(c, file->tool);
    file->kernel = code_str(c, file->kernel);
    file->venv = code_text(c, file->venv);
    file->project = code_str(c, file->project);
    file->home = code_text(c, file->home);
    file->python = code_str(c, file->python);
    file->policy_hash = code_str(c, file->policy_hash);
    file->temp_base = code_str(c, file->temp_base);
    file->made_ns = code_i64(c, file->made_ns);
    CODE_ARRAY(c, file->inputs, file->input_count, code_input);
    if (begin_packed(c, &file->packed, &file->packed_len, &packing)) {
        code_project(c, file);
        end_packed(c, &packing);
    }
    CODE_ARRAY(c, file->variants, file->variant_count, code_variant);
}

/* --- the two directions -------------------------------------------------------------------------
 */

/* Little-endian, as all numbers. */
static void set_u64(char *at, uint64_t value)
{
    memcpy(at, &value, sizeof(value));
}

void plan_encode(const struct plan_file *file, struct buf *out)
{
    struct codec c = {.out = out, .base = out->len};
    struct plan_file copy = *file;
    char *start = NULL;

    buf_add(out, PLAN_MAGIC, 8);
    code_u32(&c, PLAN_VERSION);
    code_u32(&c, 0);
    code_u64(&c, 0);
    code_u64(&c, 0);
    code_file(&c, &copy);
    start = out->data + c.base;
    set_u64(start + LENGTH_AT, out->len - c.base);
    set_u64(start + SUM_AT, codec_sum(start + HEADER_SIZE, out->len - c.base - HEADER_SIZE));
}

static int check_header(struct codec *c, struct err *err)
{
    const unsigned char *magic = codec_take(c, 8);
    uint32_t version = 0;

    if (magic == NULL || memcmp(magic, PLAN_MAGIC, 8) != 0)
        return err_plain(err, EINVAL, "not a compiled plan");
    version = code_u32(c, 0);
    if (version != PLAN_VERSION)
        return err_plain(err, EINVAL, "compiled plan has format %u, this version reads %u", version,
                         PLAN_VERSION);
    if (code_u32(c, 0) != 0)
        codec_fail(c, "has a flag that does not exist");
    if (code_u64(c, 0) != c->len)
        codec_fail(c, "is not as long as it says");
    code_u64(c, 0); /* the sum: see plan_is_whole() */
    return 0;
}

bool plan_is_whole(const struct plan_file *file)
{
    const unsigned char *start = file->bytes;
    uint64_t sum = 0;

    if (start == NULL)
        return true;
    memcpy(&sum, start + SUM_AT, sizeof(sum));
    return sum == codec_sum(start + HEADER_SIZE, file->byte_count - HEADER_SIZE);
}

int plan_peek(const struct plan_variant *variant, struct plan *out, struct err *err)
{
    struct codec c = {.data = variant->packed, .len = variant->packed_len};
    struct plan plan = {.variant = NULL};

    if (variant->packed == NULL) {
        *out = variant->plan;
        return 0;
    }
    code_plan_head(&c, &plan);
    if (c.bad != NULL)
        return err_plain(err, EINVAL, "compiled plan %s (at byte %zu of a variant)", c.bad, c.pos);
    *out = plan;
    return 0;
}

int plan_load(struct plan_file *file, struct plan_variant *variant, struct err *err)
{
    struct codec c = {.arena = &file->arena, .data = variant->packed, .len = variant->packed_len};
    struct plan plan = {.variant = NULL};

    if (variant->packed == NULL)
        return 0;
    code_plan(&c, &plan);
    code_padding(&c);
    if (c.bad == NULL && c.pos != c.len)
        codec_fail(&c, "goes on behind its end");
    if (c.bad != NULL)
        return err_plain(err, EINVAL, "compiled plan %s (at byte %zu of a variant)", c.bad, c.pos);
    variant->plan = plan;
    variant->packed = NULL;
    return 0;
}

int plan_load_project(struct plan_file *file, struct err *err)
{
    struct codec c = {.arena = &file->arena, .data = file->packed, .len = file->packed_len};
    struct plan_file project = {.project = file->project};

    if (file->packed == NULL)
        return 0;
    code_project(&c, &project);
    if (c.bad == NULL && c.pos != c.len)
        codec_fail(&c, "goes on behind its end");
    if (c.bad != NULL)
        return err_plain(err, EINVAL, "compiled plan %s (at byte %zu of the project)", c.bad,
                         c.pos);
    file->obeyed = project.obeyed;
    file->obeyed_count = project.obeyed_count;
    file->seen = project.seen;
    file->seen_count = project.seen_count;
    file->present = project.present;
    file->present_count = project.present_count;
    file->packed = NULL;
    return 0;
}

int plan_decode(struct plan_file *file, const void *data, size_t len, struct err *err)
{
    int rc = plan_open(file, data, len, err);

    if (rc < 0)
        return rc;
    rc = plan_load_project(file, err);
    for (size_t i = 0; rc == 0 && i < file->variant_count; i++)
        rc = plan_load(file, &file->variants[i], err);
    if (rc < 0)
        plan_file_finish(file);
    return rc;
}

int plan_open(struct plan_file *file, const void *data, size_t len, struct err *err)
{
    auto_plan_file struct plan_file decoded;
    struct codec c = {.arena = &decoded.arena, .data = data, .len = len};
    int rc = 0;

    plan_file_init(&decoded);
    rc = check_header(&c, err);
    if (rc < 0)
        return rc;
    code_file(&c, &decoded);
    if (c.bad == NULL && c.pos != len)
        codec_fail(&c, "goes on behind its end");
    if (c.bad == NULL && (decoded.variant_count == 0 ||
                          decoded.variants[decoded.variant_count - 1].match_count != 0))
        codec_fail(&c, "has no variant for all other commands");
    if (c.bad != NULL)
        return err_plain(err, EINVAL, "compiled plan %s (at byte %zu)", c.bad, c.pos);
    decoded.bytes = data;
    decoded.byte_count = len;
    *file = decoded;
    plan_file_init(&decoded);
    return 0;
}
