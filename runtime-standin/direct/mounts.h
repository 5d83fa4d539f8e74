/* From paths inside the library OS to paths on the host, by fs.root and fs.mounts. */
#ifndef STANDIN_MOUNTS_H
#define STANDIN_MOUNTS_H

#include <stdbool.h>

#include "../toml.h"
#include "trust.h"

struct mounts;

const struct mounts *read_mounts(const struct toml *manifest);

/* The host's path of a file inside, or NULL if it lies in a file system that is empty at the start (tmpfs) or that
 * the stand-in does not have (encrypted, untrusted_shm). `path` is clean and absolute. */
char *host_path(const struct mounts *mounts, const char *path);

/* Ends the program unless every chroot mount shows something of the host, and no trusted file with another content. */
void check_mounts(const struct mounts *mounts, const struct trust *trust);

/* True where a mount begins: there is a directory, whatever is in it. `path` is clean and absolute. */
bool is_mount_point(const struct mounts *mounts, const char *path);

/* Makes the directories of mounts that do not show the host's files, for all to write, where the container has none. */
void make_mount_points(const struct mounts *mounts);

#endif
