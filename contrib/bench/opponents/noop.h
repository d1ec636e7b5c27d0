/*
 * What the filters on libmilter share: the socket from the command line and the main loop.
 *
 * Given a filter's description; listens at ADDRESS (libmilter's spelling: unix:PATH or inet:PORT@HOST) until it is
 * killed. Ends with 64 for a wrong command line and 69 if it cannot listen.
 */
#include <libmilter/mfapi.h>
#include <stdio.h>

/* As leadmilter's, so that a full backlog limits neither or both. */
#define BACKLOG 1024

static int serve(int count, char **words, struct smfiDesc filter)
{
    if (count != 2) {
        fprintf(stderr, "usage: %s ADDRESS (unix:PATH or inet:PORT@HOST)\n", words[0]);
        return 64;
    }
    if (smfi_setconn(words[1]) != MI_SUCCESS || smfi_register(filter) != MI_SUCCESS ||
        smfi_setbacklog(BACKLOG) != MI_SUCCESS || smfi_opensocket(0) != MI_SUCCESS) {
        fprintf(stderr, "%s: cannot listen on %s: is the path free, and libmilter's spelling kept?\n", words[0], words[1]);
        return 69;
    }
    return smfi_main() == MI_SUCCESS ? 0 : 69;
}
