/*
 * A filter on libmilter that does nothing, as lean as libmilter allows while it still sees envelope and header.
 *
 * It asks for neither connection, HELO, DATA, end of header, unknown commands nor body, and waives every answer that it may.
 * Options that the MTA does not offer are left out. Over TCP, a filter that does not answer DATA makes Postfix stall; with
 * "data" as its second word it answers there, as leadmilter does.
 */
#include "usual.h"
#include <string.h>

static int answers_data;

/* libmilter leaves the masks to this callback where there is one: a callback that is missing masks nothing. */
static sfsistat on_negotiate(SMFICTX *context, unsigned long actions, unsigned long options, unsigned long unused1,
                             unsigned long unused2, unsigned long *wanted_actions, unsigned long *wanted_options,
                             unsigned long *wanted1, unsigned long *wanted2)
{
    const unsigned long masked = SMFIP_NOCONNECT | SMFIP_NOHELO | SMFIP_NOEOH | SMFIP_NOUNKNOWN | SMFIP_NOBODY |
                                 (answers_data ? 0 : SMFIP_NODATA);
    const unsigned long waived = SMFIP_NR_MAIL | SMFIP_NR_RCPT | SMFIP_NR_HDR;

    (void)context, (void)unused1, (void)unused2;
    *wanted_actions = (SMFIF_ADDHDRS | SMFIF_CHGHDRS) & actions;
    *wanted_options = (masked | waived) & options;
    *wanted1 = *wanted2 = 0;
    return SMFIS_CONTINUE;
}

/* libmilter sends an answer to a waived step unless the callback says that there is none. */
static sfsistat quiet_envelope(SMFICTX *context, char **arguments)
{
    (void)context, (void)arguments;
    return SMFIS_NOREPLY;
}

static sfsistat quiet_header(SMFICTX *context, char *name, char *value)
{
    (void)context, (void)name, (void)value;
    return SMFIS_NOREPLY;
}

int main(int count, char **words)
{
    struct smfiDesc filter = usual("noop_lean");

    answers_data = count == 3 && strcmp(words[2], "data") == 0;
    filter.xxfi_connect = NULL;
    filter.xxfi_helo = NULL;
    filter.xxfi_eoh = NULL;
    filter.xxfi_body = NULL;
    filter.xxfi_negotiate = on_negotiate;
    filter.xxfi_envfrom = quiet_envelope;
    filter.xxfi_envrcpt = quiet_envelope;
    filter.xxfi_header = quiet_header;
    if (!answers_data)
        filter.xxfi_data = NULL;
    return serve(answers_data ? count - 1 : count, words, filter);
}
