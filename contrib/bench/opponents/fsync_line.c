/*
 * A filter on libmilter with the usual callbacks that writes one line per message, durably, before it answers: the
 * simplest filter that loses nothing. The file is ./messages, in the folder where it was started.
 */
#include "usual.h"
#include <fcntl.h>
#include <unistd.h>

static int file = -1;

static sfsistat on_eom(SMFICTX *context)
{
    static const char line[] = "2026-11-26T14:00:00Z info+c0a0@company.example sender@client.example channel-0 new\n";
    const ssize_t length = sizeof line - 1;

    (void)context;
    /* O_APPEND: each line whole, also from two threads at a time. */
    if (write(file, line, length) != length || fdatasync(file) != 0)
        return SMFIS_TEMPFAIL;
    return SMFIS_CONTINUE;
}

int main(int count, char **words)
{
    struct smfiDesc filter = usual("fsync_line");

    file = open("messages", O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (file < 0) {
        perror("fsync_line: cannot open ./messages: start it in a folder that it may write to");
        return 69;
    }
    filter.xxfi_eom = on_eom;
    return serve(count, words, filter);
}
