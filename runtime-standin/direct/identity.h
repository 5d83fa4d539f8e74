/* loader.uid and loader.gid. */
#ifndef STANDIN_IDENTITY_H
#define STANDIN_IDENTITY_H

#include "../toml.h"

/* Becomes the manifest's user. Natively that needs root, or that the process is that user already. */
void become_user(const struct toml *manifest);

#endif
