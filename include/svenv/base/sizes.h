/* How many bytes of a file are read at most. Others decide how long most of these files are, so
 * each reader has a limit, and a longer file is refused or counts as one that cannot be read: none
 * is cut. Buffers, and limits of what is inside a file, are where they are used. */
#ifndef SVENV_BASE_SIZES_H
#define SVENV_BASE_SIZES_H

enum {
    /* --- written by people and their tools ------------------------------------------------- */

    /* A policy, which is all YAML that there is. A long one has hundreds of lines; libyaml gets
     * slow with the square of what is nested. */
    POLICY_BYTES_MAX = 64 << 10,
    /* .env of a project: code in the sandbox can have written it, and each start reads it. */
    DOTENV_BYTES_MAX = 256 << 10,
    /* Requirements that an installer's command line names, in the project, likewise; with hashes
     * of hundreds of packages. */
    REQUIREMENTS_BYTES_MAX = 256 << 10,
    /* pyvenv.cfg of a venv, which is all INI that there is: ten lines, of which one repeats a
     * command line. */
    PYVENV_BYTES_MAX = 64 << 10,
    /* A .git, commondir or gitdir of the project: one path. */
    GIT_LINK_BYTES_MAX = 8 << 10,
    /* A configuration of git: long ones have a section for each of thousands of branches. */
    GIT_CONFIG_BYTES_MAX = 1 << 20,
    /* A .pth file of an installed package: some hold a program in one line. */
    PTH_BYTES_MAX = 1 << 20,
    /* The file of pip's own source that names its index: 1 KiB as it is distributed. */
    PIP_SOURCE_BYTES_MAX = 64 << 10,

    /* --- ours, in a venv or in the user's state: a tool may have damaged them -------------------
     */

    /* The manifest, which is the longest JSON that is read. Tens of thousands of entries. */
    MANIFEST_BYTES_MAX = 4 << 20,
    /* The compiled plan, which each start maps: a few hundred KiB with thousands of directories. */
    PLAN_BYTES_MAX = 16 << 20,
    /* Venvs that programs made inside: 1,500 lines of device and inode. */
    MADE_INSIDE_BYTES_MAX = 64 << 10,
    /* A stub, and an entry that is compared with one: ours are smaller than 1 MiB. */
    STUB_BYTES_MAX = 4 << 20,
    /* The list of a venv's files from before an install: 262,144 of them, each with 2 KiB. */
    FILE_LIST_BYTES_MAX = 512 << 20,
    /* The user's wrapped venvs: a thousand paths of the greatest length. */
    REGISTRY_BYTES_MAX = 4 << 20,
    /* The policy in force as it was last: all that several files said, and the defaults. */
    HISTORY_BYTES_MAX = 4 << 20,

    /* --- the host's ------------------------------------------------------------------------- */

    /* A file of /etc that is copied; certificates of all authorities together are 250 KiB. */
    ETC_FILE_BYTES_MAX = 4 << 20,
    /* /etc/group: some sites have thousands of members. */
    GROUP_BYTES_MAX = 1 << 20,

    /* --- the kernel's, about other processes ------------------------------------------------ */

    /* The environment of the caller's shell: exec(2) takes 2 MiB with the usual limits. */
    ENVIRON_BYTES_MAX = 4 << 20,
    /* Mounts of one namespace: thousands of lines beside many containers. */
    MOUNTINFO_BYTES_MAX = 4 << 20,
    /* The memory of a program, a line for each part of it. A longer one is not looked through. */
    MAPS_BYTES_MAX = 16 << 20,
    /* Ranges of a user namespace: the one that is looked for, of all users, has one line. */
    UID_MAP_BYTES_MAX = 4 << 10,
};

#endif
