/*
 * A filter on libmilter with the usual callbacks that inserts eight header fields at the end of a message: what
 * attribution would cost there without resolving, judging or storing anything.
 */
#include "usual.h"

static sfsistat on_eom(SMFICTX *context)
{
    static char *const fields[][2] = {
        {"X-Lead-Id", "019a8f1e-6a3c-7c55-9d0e-3f2b8a6c4d21"},
        {"X-Lead-Channel", "channel-0"},
        {"X-Lead-Substitute", "info+c0a0@company.example"},
        {"X-Lead-UTM-Source", "outdoor"},
        {"X-Lead-UTM-Medium", "offline"},
        {"X-Lead-UTM-Campaign", "spring-2026"},
        {"X-Lead-Unique", "new"},
        {"X-Lead-Status", "channel"},
    };
    const int number = sizeof fields / sizeof fields[0];

    for (int index = 0; index < number; index++)
        if (smfi_insheader(context, index, fields[index][0], fields[index][1]) != MI_SUCCESS)
            return SMFIS_TEMPFAIL;
    return SMFIS_CONTINUE;
}

int main(int count, char **words)
{
    struct smfiDesc filter = usual("headers8");

    filter.xxfi_eom = on_eom;
    return serve(count, words, filter);
}
