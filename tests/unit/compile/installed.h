/* Where the program is installed, for a test of `compile`: in a directory of the test's own. Comes
 * before each file of the layer, as if it stood at its top. */
#ifndef SVENV_TESTS_UNIT_COMPILE_INSTALLED_H
#define SVENV_TESTS_UNIT_COMPILE_INSTALLED_H

extern char installed_stub[], installed_cli[], installed_templates[];

#undef SVENV_STUB
#undef SVENV_CLI
#undef SVENV_TEMPLATES
#define SVENV_STUB installed_stub
#define SVENV_CLI installed_cli
#define SVENV_TEMPLATES installed_templates

#endif
