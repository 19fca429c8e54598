int extra(void) { return 4; }
