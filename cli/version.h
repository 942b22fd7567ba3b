/* version.h: what identifies the simulator. */
#ifndef CLI_VERSION_H
#define CLI_VERSION_H

/* What identifies the simulator in results and identities: "0.1.0+1f3a9c02", the version and a hash
 * of the executable, so that a rebuilt model never passes for the old one. */
const char *version_of_model(void);

#endif
