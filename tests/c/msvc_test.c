/* A program without a C library, linked with zmd.lib: it ends with 42 if it is the library of this header that it calls. */
#include "zmd.h"

int entry(void)
{
    const char *version = zmd_version();

    return version[0] == '0' + ZMD_VERSION_MAJOR && version[1] == '.' && version[2] == '0' + ZMD_VERSION_MINOR &&
                   zmd_config_new(NULL) == ZMD_ERR_NULL_POINTER
               ? 42
               : 1;
}
