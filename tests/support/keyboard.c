/* Keyboards that tests plug, type on and pull, for the real evdev library where there is no /dev/uinput.
 *
 * Preloaded, it makes a Unix socket (SOCK_SEQPACKET) stand for /dev/input/eventN: opening connects, each packet is a
 * number of struct input_event, the end of the connection is a device that went. What the kernel would tell by ioctl
 * stands in files beside the socket: NAME.keys (EVIOCGKEY), NAME.lamps (EVIOCGLED), NAME.able (EVIOCGBIT of EV_KEY).
 * A grab is a lock on NAME.grab. Every other file is opened, read and asked as ever.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MOST 256
#define REAL(name) __typeof__(name) *real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static struct {
    char path[108];
    int grab; /* 0: none */
} device[MOST];

static int is_ours(int file) { return file >= 0 && file < MOST && device[file].path[0]; }

static int beside(int file, const char *ending, int flags)
{
    REAL(open);
    char path[128];
    snprintf(path, sizeof path, "%s%s", device[file].path, ending);
    return real(path, flags, 0600);
}

static int content(int file, const char *ending, void *buffer, size_t size)
{
    memset(buffer, 0, size);
    int from = beside(file, ending, O_RDONLY);
    if (from < 0)
        return size;
    REAL(read);
    real(from, buffer, size);
    close(from);
    return size;
}

static int connected(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int file = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (file < 0 || file >= MOST || connect(file, (struct sockaddr *)&address, sizeof address) < 0) {
        int why = errno == EACCES ? EACCES : ENODEV;
        close(file);
        errno = why;
        return -1;
    }
    memcpy(device[file].path, address.sun_path, sizeof device[file].path);
    return file;
}

static int opened(int (*real)(const char *, int, ...), const char *path, int flags, int mode)
{
    struct stat facts;
    if (!stat(path, &facts) && S_ISSOCK(facts.st_mode))
        return connected(path);
    return real(path, flags, mode);
}

#define MODE_OF(flags) ({ va_list rest; va_start(rest, flags); int mode = va_arg(rest, int); va_end(rest); mode; })

int open(const char *path, int flags, ...) { REAL(open); return opened(real, path, flags, MODE_OF(flags)); }
int open64(const char *path, int flags, ...) { REAL(open64); return opened(real, path, flags, MODE_OF(flags)); }

int close(int file)
{
    REAL(close);
    if (is_ours(file)) {
        if (device[file].grab)
            real(device[file].grab);
        memset(&device[file], 0, sizeof device[file]);
    }
    return real(file);
}

ssize_t read(int file, void *buffer, size_t size)
{
    REAL(read);
    ssize_t count = real(file, buffer, size);
    if (!is_ours(file) || (count != 0 && !(count < 0 && errno == ECONNRESET)))
        return count;
    errno = ENODEV;
    return -1;
}

static int grab(int file, int wanted)
{
    if (!wanted) {
        if (!device[file].grab)
            return errno = EINVAL, -1;
        close(device[file].grab);
        return device[file].grab = 0;
    }
    int lock = beside(file, ".grab", O_RDWR | O_CREAT | O_CLOEXEC);
    if (flock(lock, LOCK_EX | LOCK_NB) < 0) {
        close(lock);
        return errno = EBUSY, -1;
    }
    device[file].grab = lock;
    return 0;
}

static int told(void *answer, const void *what, size_t size)
{
    memcpy(answer, what, size);
    return size;
}

static int answered(int file, unsigned long request, void *answer)
{
    unsigned number = _IOC_NR(request), size = _IOC_SIZE(request);
    if (request == EVIOCGRAB)
        return grab(file, answer != NULL);
    if (request == EVIOCGVERSION)
        return told(answer, &(int){EV_VERSION}, sizeof(int));
    if (request == EVIOCGID)
        return told(answer, &(struct input_id){BUS_USB, 0x1234, 0x5678, 1}, sizeof(struct input_id));
    if (request == EVIOCGEFFECTS)
        return told(answer, &(int){0}, sizeof(int));
    if (request == EVIOCSCLOCKID)
        return 0;
    if (number == _IOC_NR(EVIOCGNAME(0)))
        return snprintf(answer, size, "Test Keyboard");
    if (number == _IOC_NR(EVIOCGPHYS(0)) || number == _IOC_NR(EVIOCGUNIQ(0)))
        return errno = ENOENT, -1;
    if (number == _IOC_NR(EVIOCGKEY(0)))
        return content(file, ".keys", answer, size);
    if (number == _IOC_NR(EVIOCGLED(0)))
        return content(file, ".lamps", answer, size);
    if (number == _IOC_NR(EVIOCGBIT(0, 0))) {
        memset(answer, 0, size);
        *(unsigned char *)answer = 1 << EV_SYN | 1 << EV_KEY;
        return size;
    }
    if (number == _IOC_NR(EVIOCGBIT(EV_KEY, 0)))
        return content(file, ".able", answer, size);
    if (number > _IOC_NR(EVIOCGBIT(0, 0)) && number <= _IOC_NR(EVIOCGBIT(EV_MAX, 0))) {
        memset(answer, 0, size);
        return size;
    }
    return errno = EINVAL, -1;
}

int ioctl(int file, unsigned long request, ...)
{
    REAL(ioctl);
    va_list rest;
    va_start(rest, request);
    void *answer = va_arg(rest, void *);
    va_end(rest);
    return is_ours(file) && _IOC_TYPE(request) == 'E' ? answered(file, request, answer) : real(file, request, answer);
}
