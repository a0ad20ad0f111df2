/* A webcam that tests plug and unplug, for the real OpenCV: no test can load a kernel module. Preloaded into the reader,
 * it makes the path CAMERA a Video4Linux device for the calls that OpenCV's V4L2 backend and Python make of it.
 *
 * CAMERAS lists folders, separated by colons; the device of each is FOLDER/video. Of each folder it reads
 *
 *   video     it is plugged in while this file exists
 *   formats   a line for each mode: FOURCC WIDTH HEIGHT FPS
 *   controls  a line for each control: NUMBER MINIMUM MAXIMUM VALUE
 *   film      what it sees: frames, each with its length before it (4 bytes, little endian), played again and again
 *   mood      how it behaves: "well", "busy", "denied", "silent" (no frames), "hanging" (no call returns)
 *
 * and into `told` it writes a line for each format, control and stream that is set or begun. A new film is put there by
 * renaming. As in the kernel, filled buffers wait in order, a frame that finds no empty buffer is lost, and a device that
 * is pulled out answers ENODEV and wakes whoever waits with POLLERR.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#undef open
#undef stat

enum { DEVICES = 8, BUFFERS = 16, MODES = 64 };

struct mode {
    uint32_t fourcc;
    unsigned width, height, fps;
};

struct device { /* one open file */
    int file, memory, streaming, gone, frame, done_first, done_count, empty_first, empty_count, size, buffers;
    char folder[256], mood[16];
    int done[BUFFERS], empty[BUFFERS], used[BUFFERS];
    unsigned sequence;
    uint8_t *picture; /* all buffers, one after the other */
    struct mode now, modes[MODES];
    int mode_count;
    pthread_t thread;
    ino_t film_inode;
    uint8_t *film;
    long film_size, film_at;
};

static struct device *devices[DEVICES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static struct device *device_of(int file)
{
    for (int i = 0; i < DEVICES; i++)
        if (devices[i] && devices[i]->file == file && file >= 0)
            return devices[i];
    return NULL;
}

/* The folder whose device this path is; NULL when it is none. */
static const char *folder_of(const char *path)
{
    static __thread char folder[256];
    const char *at = getenv("CAMERAS");
    while (path && at && *at) {
        size_t length = strcspn(at, ":");
        if (length < sizeof folder && !strncmp(path, at, length) && !strcmp(path + length, "/video")) {
            memcpy(folder, at, length);
            folder[length] = 0;
            return folder;
        }
        at += length + (at[length] == ':');
    }
    return NULL;
}

static FILE *part(const char *folder, const char *name, const char *how)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return fopen(path, how);
}

static int plugged(const char *folder)
{
    char path[300];
    snprintf(path, sizeof path, "%s/video", folder);
    return faccessat(AT_FDCWD, path, F_OK, 0) == 0;
}

static void read_mood(const char *folder, char mood[16])
{
    FILE *file = part(folder, "mood", "re");
    strcpy(mood, "well");
    if (file) {
        if (fscanf(file, "%15s", mood) != 1)
            strcpy(mood, "well");
        fclose(file);
    }
}

static void tell(struct device *device, const char *format, ...)
{
    FILE *file = part(device->folder, "told", "ae");
    va_list values;
    va_start(values, format);
    vfprintf(file, format, values);
    va_end(values);
    fclose(file);
}

static void read_modes(struct device *device)
{
    char fourcc[5];
    FILE *file = part(device->folder, "formats", "re");
    while (device->mode_count < MODES) {
        struct mode *mode = &device->modes[device->mode_count];
        if (fscanf(file, "%4s %u %u %u", fourcc, &mode->width, &mode->height, &mode->fps) != 4)
            break;
        mode->fourcc = v4l2_fourcc(fourcc[0], fourcc[1], fourcc[2], fourcc[3]);
        device->mode_count++;
    }
    fclose(file);
    device->now = device->modes[0];
}

/* --- the stream ------------------------------------------------------------------------------------------------ */

static void load_film(struct device *device)
{
    char path[300];
    struct stat now;
    snprintf(path, sizeof path, "%s/film", device->folder);
    int file = REAL(open)(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return;
    if (fstat(file, &now) == 0 && now.st_ino != device->film_inode && now.st_size > 4) {
        if (device->film)
            munmap(device->film, device->film_size);
        device->film = REAL(mmap)(NULL, now.st_size, PROT_READ, MAP_PRIVATE, file, 0);
        device->film_size = now.st_size;
        device->film_inode = now.st_ino;
        device->film_at = 0;
    }
    REAL(close)(file);
}

/* The next frame of the film goes into the first empty buffer; without one it is lost. */
static void fill(struct device *device)
{
    uint32_t length;
    load_film(device);
    if (!device->film || !strcmp(device->mood, "silent"))
        return;
    memcpy(&length, device->film + device->film_at, 4);
    uint8_t *frame = device->film + device->film_at + 4;
    device->film_at += 4 + length;
    if (device->film_at >= device->film_size)
        device->film_at = 0;
    device->sequence++;
    if (!device->empty_count)
        return;
    int buffer = device->empty[device->empty_first];
    device->empty_first = (device->empty_first + 1) % BUFFERS;
    device->empty_count--;
    if (length > (uint32_t)device->size)
        length = device->size;
    memcpy(device->picture + (size_t)buffer * device->size, frame, length);
    device->used[buffer] = length;
    device->done[(device->done_first + device->done_count++) % BUFFERS] = buffer;
    eventfd_write(device->file, 1);
}

static void *stream(void *given)
{
    struct device *device = given;
    struct timespec due;
    clock_gettime(CLOCK_MONOTONIC, &due);
    pthread_mutex_lock(&lock);
    while (device->streaming) {
        due.tv_nsec += 1000000000L / device->now.fps;
        due.tv_sec += due.tv_nsec / 1000000000L;
        due.tv_nsec %= 1000000000L;
        pthread_mutex_unlock(&lock);
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
        pthread_mutex_lock(&lock);
        read_mood(device->folder, device->mood);
        if (!plugged(device->folder)) {
            device->gone = 1;
            eventfd_write(device->file, 1);
            break;
        }
        if (device->streaming)
            fill(device);
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

static void stop(struct device *device)
{
    if (!device->streaming)
        return;
    device->streaming = 0;
    pthread_mutex_unlock(&lock);
    pthread_join(device->thread, NULL);
    pthread_mutex_lock(&lock);
    eventfd_t count;
    eventfd_read(device->file, &count);
    device->done_count = device->empty_count = 0;
}

static void free_buffers(struct device *device)
{
    stop(device);
    if (device->picture)
        munmap(device->picture, (size_t)device->buffers * device->size);
    if (device->memory >= 0)
        REAL(close)(device->memory);
    device->picture = NULL;
    device->memory = -1;
    device->buffers = 0;
}

/* --- the calls ------------------------------------------------------------------------------------------------- */

static int refuse(int error)
{
    errno = error;
    return -1;
}

static int open_device(const char *folder)
{
    char mood[16];
    if (!plugged(folder))
        return refuse(ENOENT);
    read_mood(folder, mood);
    while (!strcmp(mood, "hanging")) {
        sleep(1);
        read_mood(folder, mood);
    }
    if (!strcmp(mood, "denied"))
        return refuse(EACCES);
    for (int i = 0; i < DEVICES; i++)
        if (!devices[i]) {
            struct device *device = calloc(1, sizeof *device);
            device->file = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC | EFD_SEMAPHORE);
            device->memory = -1;
            strcpy(device->folder, folder);
            read_modes(device);
            devices[i] = device;
            return device->file;
        }
    return refuse(ENFILE);
}

static int enum_format(struct device *device, struct v4l2_fmtdesc *asked)
{
    unsigned seen = 0;
    if (asked->type != V4L2_BUF_TYPE_VIDEO_CAPTURE)
        return refuse(EINVAL);
    for (int i = 0; i < device->mode_count; i++) {
        int known = 0;
        for (int j = 0; j < i; j++)
            known |= device->modes[j].fourcc == device->modes[i].fourcc;
        if (known || seen++ != asked->index)
            continue;
        asked->pixelformat = device->modes[i].fourcc;
        return 0;
    }
    return refuse(EINVAL);
}

static int enum_size(struct device *device, struct v4l2_frmsizeenum *asked)
{
    unsigned seen = 0;
    for (int i = 0; i < device->mode_count; i++)
        if (device->modes[i].fourcc == asked->pixel_format && seen++ == asked->index) {
            asked->type = V4L2_FRMSIZE_TYPE_DISCRETE;
            asked->discrete.width = device->modes[i].width;
            asked->discrete.height = device->modes[i].height;
            return 0;
        }
    return refuse(EINVAL);
}

static int enum_interval(struct device *device, struct v4l2_frmivalenum *asked)
{
    for (int i = 0; i < device->mode_count && asked->index == 0; i++) {
        struct mode *mode = &device->modes[i];
        if (mode->fourcc == asked->pixel_format && mode->width == asked->width && mode->height == asked->height) {
            asked->type = V4L2_FRMIVAL_TYPE_DISCRETE;
            asked->discrete.numerator = 1;
            asked->discrete.denominator = mode->fps;
            return 0;
        }
    }
    return refuse(EINVAL);
}

static void tell_format(struct device *device, struct v4l2_pix_format *format)
{
    unsigned row = device->now.fourcc == V4L2_PIX_FMT_YUYV ? 2 * device->now.width : 0;
    memset(format, 0, sizeof *format);
    format->width = device->now.width;
    format->height = device->now.height;
    format->pixelformat = device->now.fourcc;
    format->field = V4L2_FIELD_NONE;
    format->bytesperline = row;
    format->sizeimage = 2 * device->now.width * device->now.height;
}

/* Like the kernel's driver for webcams: the format if it has it, else its first; of that the nearest size. */
static int set_format(struct device *device, struct v4l2_format *asked)
{
    uint32_t fourcc = device->modes[0].fourcc;
    long nearest = -1;
    if (!strcmp(device->mood, "busy") || device->buffers)
        return refuse(EBUSY);
    for (int i = 0; i < device->mode_count; i++)
        if (device->modes[i].fourcc == asked->fmt.pix.pixelformat)
            fourcc = device->modes[i].fourcc;
    for (int i = 0; i < device->mode_count; i++) {
        struct mode *mode = &device->modes[i];
        long off = labs((long)mode->width - (long)asked->fmt.pix.width) + labs((long)mode->height - (long)asked->fmt.pix.height);
        if (mode->fourcc == fourcc && (nearest < 0 || off < nearest)) {
            nearest = off;
            device->now = *mode;
        }
    }
    tell_format(device, &asked->fmt.pix);
    tell(device, "format %.4s %u %u\n", (char *)&device->now.fourcc, device->now.width, device->now.height);
    return 0;
}

static int request_buffers(struct device *device, struct v4l2_requestbuffers *asked)
{
    free_buffers(device);
    if (!asked->count)
        return 0;
    if (asked->count > BUFFERS)
        asked->count = BUFFERS;
    device->buffers = asked->count;
    device->size = (2 * device->now.width * device->now.height + 4095) / 4096 * 4096; /* they are mapped one by one */
    device->memory = memfd_create("camera", MFD_CLOEXEC);
    if (ftruncate(device->memory, (off_t)device->buffers * device->size) < 0)
        return -1;
    device->picture = REAL(mmap)(NULL, (size_t)device->buffers * device->size, PROT_READ | PROT_WRITE, MAP_SHARED,
        device->memory, 0);
    return 0;
}

static int control(struct device *device, unsigned long request, void *argument)
{
    struct v4l2_queryctrl *query = argument;
    struct v4l2_control *set = argument;
    unsigned number;
    int minimum, maximum, value;
    FILE *file = part(device->folder, "controls", "re");
    while (file && fscanf(file, "%x %d %d %d", &number, &minimum, &maximum, &value) == 4) {
        if (number != query->id)
            continue;
        fclose(file);
        if (request == VIDIOC_QUERYCTRL) {
            query->type = V4L2_CTRL_TYPE_INTEGER;
            query->minimum = minimum;
            query->maximum = maximum;
            query->step = 1;
            query->default_value = value;
            query->flags = 0;
        } else if (request == VIDIOC_S_CTRL)
            tell(device, "control %x %d\n", set->id, set->value);
        else
            set->value = value;
        return 0;
    }
    if (file)
        fclose(file);
    return refuse(EINVAL);
}

static int answer(struct device *device, unsigned long request, void *argument)
{
    struct v4l2_capability *capability = argument;
    struct v4l2_streamparm *pace = argument;
    struct v4l2_buffer *buffer = argument;
    eventfd_t count;
    switch (request) {
    case VIDIOC_QUERYCAP:
        memset(capability, 0, sizeof *capability);
        strcpy((char *)capability->driver, "virtual");
        strcpy((char *)capability->card, "Virtual Webcam");
        capability->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
        capability->capabilities = capability->device_caps | V4L2_CAP_DEVICE_CAPS;
        return 0;
    case VIDIOC_ENUM_FMT:
        return enum_format(device, argument);
    case VIDIOC_ENUM_FRAMESIZES:
        return enum_size(device, argument);
    case VIDIOC_ENUM_FRAMEINTERVALS:
        return enum_interval(device, argument);
    case VIDIOC_G_FMT:
        if (((struct v4l2_format *)argument)->type != V4L2_BUF_TYPE_VIDEO_CAPTURE)
            return refuse(EINVAL);
        tell_format(device, &((struct v4l2_format *)argument)->fmt.pix);
        return 0;
    case VIDIOC_S_FMT:
        return set_format(device, argument);
    case VIDIOC_S_PARM: /* this camera has one pace for each size, as many have */
    case VIDIOC_G_PARM:
        memset(&pace->parm.capture, 0, sizeof pace->parm.capture);
        pace->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
        pace->parm.capture.timeperframe.numerator = 1;
        pace->parm.capture.timeperframe.denominator = device->now.fps;
        return 0;
    case VIDIOC_REQBUFS:
        return request_buffers(device, argument);
    case VIDIOC_QUERYBUF:
        if (buffer->index >= (unsigned)device->buffers)
            return refuse(EINVAL);
        buffer->length = device->size;
        buffer->m.offset = buffer->index * device->size;
        return 0;
    case VIDIOC_QBUF:
        device->empty[(device->empty_first + device->empty_count++) % BUFFERS] = buffer->index;
        return 0;
    case VIDIOC_STREAMON:
        device->streaming = 1;
        tell(device, "stream %.4s %u %u\n", (char *)&device->now.fourcc, device->now.width, device->now.height);
        return pthread_create(&device->thread, NULL, stream, device) ? refuse(EIO) : 0;
    case VIDIOC_STREAMOFF:
        stop(device);
        return 0;
    case VIDIOC_DQBUF:
        if (eventfd_read(device->file, &count) < 0)
            return refuse(EAGAIN);
        buffer->index = device->done[device->done_first];
        device->done_first = (device->done_first + 1) % BUFFERS;
        device->done_count--;
        buffer->bytesused = device->used[buffer->index];
        buffer->length = device->size;
        buffer->m.offset = buffer->index * device->size;
        buffer->sequence = device->sequence;
        return 0;
    case VIDIOC_QUERYCTRL:
    case VIDIOC_G_CTRL:
    case VIDIOC_S_CTRL:
        return control(device, request, argument);
    }
    return refuse(ENOTTY);
}

int ioctl(int file, unsigned long request, ...)
{
    va_list values;
    va_start(values, request);
    void *argument = va_arg(values, void *);
    va_end(values);
    request &= 0xFFFFFFFF;
    pthread_mutex_lock(&lock);
    struct device *device = device_of(file);
    if (!device) {
        pthread_mutex_unlock(&lock);
        return REAL(ioctl)(file, request, argument);
    }
    read_mood(device->folder, device->mood);
    while (!strcmp(device->mood, "hanging")) {
        pthread_mutex_unlock(&lock);
        usleep(100000);
        pthread_mutex_lock(&lock);
        read_mood(device->folder, device->mood);
    }
    int result = device->gone || !plugged(device->folder) ? refuse(ENODEV) : answer(device, request, argument);
    pthread_mutex_unlock(&lock);
    return result;
}

#define OPENS(name)                                                                                                    \
    int name(const char *path, int flags, ...)                                                                         \
    {                                                                                                                  \
        va_list values;                                                                                                \
        va_start(values, flags);                                                                                       \
        mode_t mode = va_arg(values, int);                                                                             \
        va_end(values);                                                                                                \
        const char *folder = folder_of(path);                                                                          \
        return folder ? open_device(folder) : REAL(name)(path, flags, mode);                                           \
    }
OPENS(open)
OPENS(open64)

int close(int file)
{
    pthread_mutex_lock(&lock);
    for (int i = 0; i < DEVICES; i++)
        if (devices[i] && devices[i]->file == file) {
            struct device *device = devices[i];
            free_buffers(device);
            if (device->film)
                munmap(device->film, device->film_size);
            tell(device, "close\n");
            devices[i] = NULL;
            free(device);
            break;
        }
    pthread_mutex_unlock(&lock);
    return REAL(close)(file);
}

#define MAPS(name)                                                                                                     \
    void *name(void *start, size_t length, int protection, int flags, int file, off_t offset)                          \
    {                                                                                                                  \
        struct device *device = file < 0 ? NULL : device_of(file);                                                     \
        return REAL(name)(start, length, protection, flags, device ? device->memory : file, offset);                   \
    }
MAPS(mmap)
MAPS(mmap64)

int poll(struct pollfd *files, nfds_t count, int milliseconds)
{
    int ready = REAL(poll)(files, count, milliseconds);
    for (nfds_t i = 0; i < count; i++) {
        struct device *device = device_of(files[i].fd);
        if (device && (device->gone || !device->streaming))
            files[i].revents = POLLERR | POLLHUP;
    }
    return ready;
}

#define STATS(name, type)                                                                                              \
    int name(const char *path, struct type *told)                                                                      \
    {                                                                                                                  \
        int result = REAL(name)(path, told);                                                                           \
        if (result == 0 && folder_of(path))                                                                            \
            told->st_mode = S_IFCHR | 0660;                                                                            \
        return result;                                                                                                 \
    }
STATS(stat, stat)
STATS(stat64, stat64)
