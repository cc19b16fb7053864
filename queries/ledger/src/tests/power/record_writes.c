/* Loaded before the C library, this records whatever a process does to the files of one folder, in the
 * order in which it is done: writes with what is written, changes of length, creations, removals, new
 * names, and each time something is forced to the disk. From the record a test builds the folder as a power
 * cut at any moment might leave it.
 *
 * Folder and record are named by the environment. A piece of the record: what was done (one letter), the
 * length of the file's name, the length of the data (32 bits each), the place in the file (64 bits), the
 * name, the data. Files of folders within it are left out, and so is memory that is mapped from files. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* One thing at a time is done and recorded, so that the record has the order of what was done. */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL)
        abort();
    return found;
}

/* The name of a file in the folder; empty for the folder itself; NULL for what is elsewhere. */
static const char *name_of(const char *path)
{
    const char *folder = getenv("SKJERM_RECORDED_FOLDER");
    size_t length = folder == NULL ? 0 : strlen(folder);
    if (length == 0 || strncmp(path, folder, length) != 0)
        return NULL;
    if (path[length] == '\0')
        return path + length;
    if (path[length] != '/' || strchr(path + length + 1, '/') != NULL)
        return NULL;
    return path + length + 1;
}

static const char *name_of_open(int file, char *path, size_t size)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, size - 1);
    if (length < 0)
        return NULL;
    path[length] = '\0';
    return name_of(path);
}

static void record(char what, const char *name, uint64_t place, const void *data, size_t size)
{
    static int file = -1;
    if (file < 0)
        file = REAL(open)(getenv("SKJERM_RECORD"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    uint32_t lengths[2] = {(uint32_t)strlen(name), (uint32_t)size};
    struct iovec pieces[] = {
        {&what, 1}, {lengths, 8}, {&place, 8}, {(void *)name, lengths[0]}, {(void *)data, size},
    };
    if (file < 0 || writev(file, pieces, 5) != (ssize_t)(17 + lengths[0] + size))
        abort();
}

/* Does it, and records it if it concerns the folder and came off. */
#define DO(type, call, name, what, place, data, size)                \
    pthread_mutex_lock(&turn);                                       \
    type result = (call);                                            \
    int error = errno;                                               \
    if (result >= 0 && (name) != NULL)                               \
        record(what, name, place, data, size);                       \
    pthread_mutex_unlock(&turn);                                     \
    errno = error;                                                   \
    return result

static int open_and_record(int folder, const char *path, int flags, mode_t mode)
{
    const char *name = name_of(path);
    pthread_mutex_lock(&turn);
    int is_new = access(path, F_OK) != 0;
    int file = REAL(openat)(folder, path, flags, mode);
    int error = errno;
    if (file >= 0 && name != NULL && is_new)
        record('c', name, 0, NULL, 0);
    else if (file >= 0 && name != NULL && (flags & O_TRUNC))
        record('t', name, 0, NULL, 0);
    pthread_mutex_unlock(&turn);
    errno = error;
    return file;
}

#define OPEN(folder)                                                 \
    mode_t mode = 0;                                                 \
    if (flags & (O_CREAT | O_TMPFILE)) {                             \
        va_list more;                                                \
        va_start(more, flags);                                       \
        mode = va_arg(more, mode_t);                                 \
        va_end(more);                                                \
    }                                                                \
    return open_and_record(folder, path, flags, mode)

int open(const char *path, int flags, ...) { OPEN(AT_FDCWD); }
int open64(const char *path, int flags, ...) { OPEN(AT_FDCWD); }
int openat(int folder, const char *path, int flags, ...) { OPEN(folder); }
int openat64(int folder, const char *path, int flags, ...) { OPEN(folder); }

ssize_t write(int file, const void *data, size_t size)
{
    char path[4096];
    const char *name = name_of_open(file, path, sizeof path);
    DO(ssize_t, REAL(write)(file, data, size), name, 'w',
       (uint64_t)(lseek(file, 0, SEEK_CUR) - result), data, (size_t)result);
}

ssize_t pwrite(int file, const void *data, size_t size, off_t place)
{
    char path[4096];
    const char *name = name_of_open(file, path, sizeof path);
    DO(ssize_t, REAL(pwrite)(file, data, size, place), name, 'w', (uint64_t)place, data, (size_t)result);
}

ssize_t pwrite64(int file, const void *data, size_t size, off64_t place)
{
    char path[4096];
    const char *name = name_of_open(file, path, sizeof path);
    DO(ssize_t, REAL(pwrite64)(file, data, size, place), name, 'w', (uint64_t)place, data, (size_t)result);
}

int ftruncate(int file, off_t length)
{
    char path[4096];
    const char *name = name_of_open(file, path, sizeof path);
    DO(int, REAL(ftruncate)(file, length), name, 't', (uint64_t)length, NULL, 0);
}

int ftruncate64(int file, off64_t length)
{
    char path[4096];
    const char *name = name_of_open(file, path, sizeof path);
    DO(int, REAL(ftruncate64)(file, length), name, 't', (uint64_t)length, NULL, 0);
}

int fsync(int file)
{
    char path[4096];
    const char *name = name_of_open(file, path, sizeof path);
    DO(int, REAL(fsync)(file), name, 's', 0, NULL, 0);
}

int fdatasync(int file)
{
    char path[4096];
    const char *name = name_of_open(file, path, sizeof path);
    DO(int, REAL(fdatasync)(file), name, 's', 0, NULL, 0);
}

int unlink(const char *path)
{
    const char *name = name_of(path);
    DO(int, REAL(unlink)(path), name, 'u', 0, NULL, 0);
}

int rename(const char *from, const char *to)
{
    const char *name = name_of(from), *other = name_of(to);
    DO(int, REAL(rename)(from, to), name, 'r', 0, other, other == NULL ? 0 : strlen(other));
}
