/*
 * A filter on libmilter that does nothing, with the usual callbacks and libmilter's own negotiation.
 */
#include "usual.h"

int main(int count, char **words)
{
    return serve(count, words, usual("noop_usual"));
}
