/* Preloaded into a process, records what it writes to the files under the folder FAULTS_FOLDER into FAULTS_RECORDING,
 * write by write and flush by flush (faults/recording.py): what a process asks of its file system, where no disk can be
 * recorded. A write is recorded before it is made, a flush when it has succeeded. */

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
#include <sys/uio.h>
#include <unistd.h>

enum { WRITE = 1, FLUSH = 2, TRUNCATE = 3, FILES = 1024 };

struct __attribute__((packed)) head { uint8_t operation, name_length; uint64_t offset; uint32_t length; };

static char *names[FILES];
static int recording = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void note(int file, int operation, uint64_t offset, const void *data, size_t length)
{
    if (file < 0 || file >= FILES || names[file] == NULL)
        return;
    struct head head = {operation, strlen(names[file]), offset, length};
    struct iovec parts[] = {{&head, sizeof head}, {names[file], head.name_length}, {(void *)data, length}};
    pthread_mutex_lock(&lock);
    if (recording < 0)
        recording = open(getenv("FAULTS_RECORDING"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (writev(recording, parts, 3) != (ssize_t)(sizeof head + head.name_length + length))
        abort();
    pthread_mutex_unlock(&lock);
}

static int opened(int file, const char *path)
{
    const char *folder = getenv("FAULTS_FOLDER");
    size_t length = folder ? strlen(folder) : 0;
    /* The index of the log lives in memory that is shared, and is made anew after a power cut. */
    if (length && file >= 0 && file < FILES && !strncmp(path, folder, length) && path[length] == '/'
        && !strstr(path, "-shm"))
        names[file] = strdup(path + length + 1);
    return file;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define OPEN(name)                                                                                                     \
    int name(const char *path, int flags, ...)                                                                         \
    {                                                                                                                  \
        va_list more;                                                                                                  \
        va_start(more, flags);                                                                                         \
        mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;                                                      \
        va_end(more);                                                                                                  \
        return opened(REAL(name)(path, flags, mode), path);                                                            \
    }

OPEN(open)
OPEN(open64)

int close(int file)
{
    if (file >= 0 && file < FILES)
        names[file] = NULL;
    return REAL(close)(file);
}

ssize_t pwrite(int file, const void *data, size_t length, off_t offset)
{
    note(file, WRITE, offset, data, length);
    return REAL(pwrite)(file, data, length, offset);
}

ssize_t pwrite64(int file, const void *data, size_t length, off64_t offset)
{
    note(file, WRITE, offset, data, length);
    return REAL(pwrite64)(file, data, length, offset);
}

int ftruncate(int file, off_t length)
{
    note(file, TRUNCATE, length, "", 0);
    return REAL(ftruncate)(file, length);
}

int ftruncate64(int file, off64_t length)
{
    note(file, TRUNCATE, length, "", 0);
    return REAL(ftruncate64)(file, length);
}

int fsync(int file)
{
    int failed = REAL(fsync)(file);
    if (!failed)
        note(file, FLUSH, 0, "", 0);
    return failed;
}

int fdatasync(int file)
{
    int failed = REAL(fdatasync)(file);
    if (!failed)
        note(file, FLUSH, 0, "", 0);
    return failed;
}
