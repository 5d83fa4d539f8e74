#include "identity.h"

#include <errno.h>
#include <grp.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "../report.h"
#include "manifest.h"

static uint32_t read_id(const struct toml *manifest, const char *key) {
    int64_t id = manifest_number(manifest, key);
    if (id < 0 || id >= UINT32_MAX)
        fail("manifest: %s: expected a number from 0 to 4294967294, got %lld", key, (long long)id);
    return (uint32_t)id;
}

void become_user(const struct toml *manifest) {
    uid_t uid = read_id(manifest, "loader.uid");
    gid_t gid = read_id(manifest, "loader.gid");
    if (geteuid() != 0) {
        if (geteuid() != uid || getegid() != gid)
            fail("the manifest says uid %u and gid %u (0 where it says nothing), but the stand-in runs as %u:%u and "
                 "only root can change that; Gramine would pretend",
                 uid, gid, geteuid(), getegid());
        return;
    }
    if (setgroups(0, NULL) < 0 || setgid(gid) < 0 || setuid(uid) < 0)
        fail("cannot become uid %u and gid %u: %s", uid, gid, strerror(errno));
}
