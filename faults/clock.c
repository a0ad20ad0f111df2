/* The time of day of a process, as far ahead or behind as a shared file says; preloaded (faults/clocks.py).
 *
 * Only CLOCK_REALTIME moves, as in a machine whose clock is set: whoever counts seconds since the start counts on.
 * libfaketime 0.9.10 breaks clock_nanosleep(2) on the monotonic clock, by which Python sleeps. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile const int64_t *ahead;
static int (*real)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void)
{
    const char *name = getenv("FAULTS_CLOCK");
    int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    if (file >= 0) {
        void *place = mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, file, 0);
        if (place != MAP_FAILED)
            ahead = place;
        close(file);
    }
}

int clock_gettime(clockid_t clock, struct timespec *told)
{
    if (!real)
        begin();
    int result = real(clock, told);
    if (result == 0 && ahead && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        told->tv_sec += *ahead;
    return result;
}

int gettimeofday(struct timeval *told, void *zone)
{
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now))
        return -1;
    told->tv_sec = now.tv_sec;
    told->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *told)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (told)
        *told = now.tv_sec;
    return now.tv_sec;
}
