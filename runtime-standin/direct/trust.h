/* sgx.trusted_files and sgx.allowed_files: which files of the host may be opened. */
#ifndef STANDIN_TRUST_H
#define STANDIN_TRUST_H

#include "../toml.h"

struct trust;

/* Every entry is checked for its form; a trusted file without sha256 ends the program with EINVAL, as in Gramine. */
const struct trust *read_trust(const struct toml *manifest);

/* 0, EPERM (another content), EACCES (not listed, not allowed), or the errno of reading. `path` is a clean host path. */
int check_trust(const struct trust *trust, const char *path);

/* Ends the program unless check_trust gives 0. `role` names what the file is for. */
void demand_trust(const struct trust *trust, const char *path, const char *role);

/* Compares every trusted file with its hash, reports each that differs, and gives their number. */
size_t count_mismatches(const struct trust *trust);

#endif
