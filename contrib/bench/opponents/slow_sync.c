/*
 * A disk that is slow to sync, for a process that does not know: LD_PRELOAD=slow_sync.so SLOW_SYNC_MS=20 PROGRAM.
 *
 * Every fsync and fdatasync is done as asked and then takes SLOW_SYNC_MS milliseconds longer (20 if unset). Syncs of
 * several threads wait side by side, as on a disk with a long queue.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

typedef int sync_call(int);

static void wait_longer(void)
{
    const char *given = getenv("SLOW_SYNC_MS");
    long milliseconds = given ? strtol(given, NULL, 10) : 20;
    struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    int saved = errno;

    /* A signal must not make the disk fast. */
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
    errno = saved;
}

static int slowly(const char *name, int fd)
{
    /* Looked up each time: two threads that come first at once need no lock, and the wait dwarfs the look-up. */
    sync_call *real = (sync_call *)dlsym(RTLD_NEXT, name);
    int result = real(fd);

    wait_longer();
    return result;
}

int fsync(int fd)
{
    return slowly("fsync", fd);
}

int fdatasync(int fd)
{
    return slowly("fdatasync", fd);
}
