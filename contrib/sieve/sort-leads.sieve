# Files letters with our headers into one folder for each channel, and flags them.
#
# Plain Sieve for any server that has the extensions below; nothing here runs a program. It serves as a user's own script,
# as a global one, or behind attribute.sieve, which includes it.
#
# It believes the headers, and cannot do otherwise: Sieve has no means to verify X-Lead-Signature. What protects is that
# leadmilter deletes headers that a stranger forged before it adds its own. By default it does so in letters to
# substitutes; with `strip = "all"` under [headers] in its config, in every letter that it sees. Set that where this
# script is used, or anybody can make folders and write into them.
require ["fileinto", "imap4flags", "mailbox", "variables"];

if header :matches "X-Lead-Channel" "*" {
    set "channel" "${1}";

    addflag "$Lead";
    if header :is "X-Lead-Unique" "new" {
        addflag "\\Flagged";
    }

    # Behind attribute.sieve a folder that cannot be made costs the letter its headers: Dovecot takes back all that was
    # done to it, and it lies in the inbox as it came. So this name is good with either separator of folders, "/" and
    # ".", neither of which may stand in it. Ids with more than three dots share a folder.
    if string :matches "${channel}" "*.*" { set "channel" "${1}-${2}"; }
    if string :matches "${channel}" "*.*" { set "channel" "${1}-${2}"; }
    if string :matches "${channel}" "*.*" { set "channel" "${1}-${2}"; }
    if string :contains "${channel}" [".", "/"] { set "channel" "other"; }

    # Some channels in a folder of another name:
    #
    #   if header :is "X-Lead-Channel" ["billboard-m11", "billboard-m12"] {
    #       fileinto :create "Billboards";
    #       stop;
    #   }

    fileinto :create "Leads-${channel}";
}
