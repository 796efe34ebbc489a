/* Shared by the files of the mount tree. */
#ifndef SVENV_PLAN_TREE_INTERNAL_H
#define SVENV_PLAN_TREE_INTERNAL_H

#include "svenv/plan/tree.h"

/* As tree_find(), to be added to. */
struct tree_entry *tree_entry_of(const struct mount_tree *tree, const char *path, bool certain);

/* The operation that was just added to the plan is the tree's last mount. */
void tree_note(struct mount_tree *tree);

/* The operation that makes `path` in the entry's tree, NULL: none does. */
const struct plan_op *tree_made(const struct tree_entry *entry, const char *path);

#endif
