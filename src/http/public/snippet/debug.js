// leadmilter: what ?lm_debug shows
