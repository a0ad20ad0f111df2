/* Preloaded into a process: the n-th touch of a file below FAULTS_FOLDER fails, or is the last thing the process does
 * (faults/failing.py). A touch is a write, a flush, a cut, a renaming, a removal. For a process of one thread. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { NOT, FULL, BROKEN, DIES_BEFORE, DIES_WITHIN, FILES = 1024, SECTOR = 512 };

static volatile struct { int64_t how, at, touched, hit; } *plan;
static char ours[FILES];

__attribute__((constructor)) static void begin(void)
{
    const char *name = getenv("FAULTS_PLAN");
    int file = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *place = mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (place != MAP_FAILED)
        plan = place;
    close(file);
}

static void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* What becomes of this touch: 0, an errno, or -1 where it is done by half. */
static int touch(int takes_room)
{
    if (!plan || plan->how == NOT)
        return 0;
    int64_t now = ++plan->touched;
    if (now < plan->at || (now > plan->at && plan->how != FULL))
        return 0;
    plan->hit = 1;
    if (plan->how == DIES_BEFORE)
        die();
    if (plan->how == BROKEN)
        return EIO;
    if (plan->how == FULL && !takes_room)
        return 0;
    return now == plan->at ? -1 : ENOSPC;
}

static int is_ours(const char *path)
{
    const char *folder = getenv("FAULTS_FOLDER");
    size_t length = folder ? strlen(folder) : 0;
    /* The index of the log lives in memory that is shared. */
    return length && !strncmp(path, folder, length) && path[length] == '/' && !strstr(path, "-shm");
}

static int opened(int file, const char *path)
{
    if (file >= 0 && file < FILES)
        ours[file] = is_ours(path);
    return file;
}

static int is_open(int file) { return file >= 0 && file < FILES && ours[file]; }

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
        ours[file] = 0;
    return REAL(close)(file);
}

/* A disk that is full, or a process that dies, may have taken the first sectors of a write. */
#define WRITE(name, parameters, whole, half)                                                                           \
    ssize_t name parameters                                                                                            \
    {                                                                                                                  \
        int fault = is_open(file) ? touch(1) : 0;                                                                      \
        if (fault > 0) {                                                                                               \
            errno = fault;                                                                                             \
            return -1;                                                                                                 \
        }                                                                                                              \
        if (fault == 0)                                                                                                \
            return REAL(name) whole;                                                                                   \
        size_t part = length / 2 / SECTOR * SECTOR;                                                                    \
        ssize_t done = part ? REAL(name) half : 0;                                                                     \
        if (plan->how == DIES_WITHIN)                                                                                  \
            die();                                                                                                     \
        if (done > 0)                                                                                                  \
            return done;                                                                                               \
        errno = ENOSPC;                                                                                                \
        return -1;                                                                                                     \
    }

WRITE(write, (int file, const void *data, size_t length), (file, data, length), (file, data, part))
WRITE(pwrite, (int file, const void *data, size_t length, off_t at), (file, data, length, at), (file, data, part, at))
WRITE(pwrite64, (int file, const void *data, size_t length, off64_t at), (file, data, length, at),
      (file, data, part, at))

#define OTHER(name, parameters, arguments, mine)                                                                       \
    int name parameters                                                                                                \
    {                                                                                                                  \
        int fault = mine ? touch(0) : 0;                                                                               \
        if (fault > 0) {                                                                                               \
            errno = fault;                                                                                             \
            return -1;                                                                                                 \
        }                                                                                                              \
        int result = REAL(name) arguments;                                                                             \
        if (fault < 0 && plan->how == DIES_WITHIN)                                                                     \
            die();                                                                                                     \
        return result;                                                                                                 \
    }

OTHER(fsync, (int file), (file), is_open(file))
OTHER(fdatasync, (int file), (file), is_open(file))
OTHER(ftruncate, (int file, off_t length), (file, length), is_open(file))
OTHER(ftruncate64, (int file, off64_t length), (file, length), is_open(file))
OTHER(unlink, (const char *path), (path), is_ours(path))
OTHER(rename, (const char *from, const char *to), (from, to), is_ours(to))
