#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report.h"

/* Opens a regular file only: a fifo would wait for ever. */
static int open_regular(const char *path, struct stat *status) {
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return -1;
    if (fstat(file, status) == 0 && S_ISREG(status->st_mode))
        return file;
    close(file);
    errno = EACCES;
    return -1;
}

static long read_fully(int file, char *buffer, size_t size_bytes) {
    size_t filled = 0;
    while (filled < size_bytes) {
        ssize_t count = read(file, buffer + filled, size_bytes - filled);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -1;
        if (count == 0)
            break;
        filled += (size_t)count;
    }
    return (long)filled;
}

char *read_whole_file(const char *path, const char *what, size_t *size_bytes) {
    struct stat status;
    int file = open_regular(path, &status);
    if (file < 0)
        fail("%s: the %s cannot be read: %s", path, what, strerror(errno));
    char *content = allocate((size_t)status.st_size + 1);
    long count = read_fully(file, content, (size_t)status.st_size);
    if (count < 0)
        fail("%s: the %s cannot be read: %s", path, what, strerror(errno));
    close(file);
    content[count] = '\0';
    *size_bytes = (size_t)count;
    return content;
}

long read_at(const char *path, unsigned long offset, void *buffer, size_t size_bytes) {
    struct stat status;
    int file = open_regular(path, &status);
    if (file < 0)
        return -1;
    long count = lseek(file, (off_t)offset, SEEK_SET) < 0 ? -1 : read_fully(file, buffer, size_bytes);
    close(file);
    return count;
}
