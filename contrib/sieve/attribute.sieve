# Takes in every letter that Dovecot delivers: records the lead and adds our headers, then sorts by them.
#
# For hosts whose MTA cannot be changed. Runs as a global script before the users' own (`sieve_before`), since Pigeonhole
# gives vnd.dovecot.filter to global scripts alone. leadmilter-filter is the service of dovecot.conf.leadmilter.
#
# On any fault, from a broken config to a program that is missing, the letter is delivered as it came and not sorted: its
# headers may be forged then. Dovecot's log says what went wrong.
require ["envelope", "include", "variables", "vnd.dovecot.filter"];

# The envelope decides, never To:. One argument holds name and value, so that an address that begins with "-" is no
# option, and the null sender is not lost.
if envelope :matches "to" "*" {
    set "recipient" "${1}";
}
if envelope :matches "from" "*" {
    set "sender" "${1}";
}

if filter "leadmilter-filter" ["--recipient=${recipient}", "--sender=${sender}"] {
    # Take this away where users sort by themselves: a letter that is filed here does not come to their scripts.
    include :global :optional "sort-leads";
}
