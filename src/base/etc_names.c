/* The list of what a sandbox has of /etc. */
#include "svenv/base/etc_names.h"

#include "svenv/base/mem.h"

const struct etc_name etc_names[] = {
    /* names and addresses */
    {"hosts", ETC_EDITED},
    {"host.conf", ETC_FILE},
    {"gai.conf", ETC_FILE},
    {"resolv.conf", ETC_EDITED},
    {"networks", ETC_FILE},
    {"protocols", ETC_FILE},
    {"services", ETC_FILE},
    {"rpc", ETC_FILE},
    {"ethertypes", ETC_FILE},
    /* time, language, system */
    {"localtime", ETC_EDITED},
    {"timezone", ETC_FILE},
    {"locale.conf", ETC_FILE},
    {"locale.alias", ETC_FILE},
    {"default/locale", ETC_FILE},
    {"os-release", ETC_FILE},
    {"lsb-release", ETC_FILE},
    {"debian_version", ETC_FILE},
    {"redhat-release", ETC_FILE},
    {"fedora-release", ETC_FILE},
    {"centos-release", ETC_FILE},
    {"system-release", ETC_FILE},
    {"alpine-release", ETC_FILE},
    {"arch-release", ETC_FILE},
    {"SuSE-release", ETC_FILE},
    {"papersize", ETC_FILE},
    {"mime.types", ETC_FILE},
    {"mailcap", ETC_FILE},
    {"magic", ETC_FILE},
    {"magic.mime", ETC_FILE},
    /* linker, certificates */
    {"ld.so.cache", ETC_FILE},
    {"ld.so.conf", ETC_FILE},
    {"ca-certificates.conf", ETC_FILE},
    /* tools */
    {"pip.conf", ETC_FILE},
    {"xdg/pip/pip.conf", ETC_FILE},
    {"uv/uv.toml", ETC_FILE},
    {"xdg/uv/uv.toml", ETC_FILE},
    {"gitconfig", ETC_FILE},
    {"inputrc", ETC_FILE},
    {"wgetrc", ETC_FILE},
    {"nanorc", ETC_FILE},
    {"matplotlibrc", ETC_FILE},
    /* shells */
    {"shells", ETC_FILE},
    {"profile", ETC_FILE},
    {"bash.bashrc", ETC_FILE},
    {"bashrc", ETC_FILE},
    /* trees */
    {"alternatives", ETC_TREE},
    {"ld.so.conf.d", ETC_TREE},
    {"terminfo", ETC_TREE},
    {"fonts", ETC_TREE},
    {"crypto-policies", ETC_TREE},
    {"OpenCL", ETC_TREE},
    {"vulkan", ETC_TREE},
    {"glvnd", ETC_TREE},
    {"ipython", ETC_TREE},
    {"jupyter", ETC_TREE},
    {"openmpi", ETC_TREE},
    {"python*", ETC_TREES}, /* the system's sitecustomize is a link to there */
    /* certificates */
    {"ssl", ETC_BOUND},
    {"pki", ETC_BOUND},
    {"ca-certificates/extracted", ETC_BOUND},
};
const size_t etc_name_count = ARRAY_SIZE(etc_names);
