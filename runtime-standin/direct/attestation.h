/* /dev/attestation, with quotes from a test. */
#ifndef STANDIN_ATTESTATION_H
#define STANDIN_ATTESTATION_H

#include "../toml.h"
#include "mounts.h"

/* Makes /dev/attestation if the manifest asks for DCAP and GSC_STANDIN_QUOTES names the socket of a source of quotes. Its
 * reports are those of the image's SIGSTRUCT. Certificates have their place: the directories of tmpfs mounts are made. A process of its own serves it until the application ends. */
void serve_attestation(const struct toml *manifest, const struct mounts *mounts, const char *application);

#endif
