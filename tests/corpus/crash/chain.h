/* A chain of inlined calls that ends in a null dereference. */
#ifndef CORPUS_CHAIN_H
#define CORPUS_CHAIN_H

namespace chain {

inline void store(volatile int* place, int value) {
  *place = value;  // the crash
}

inline void choose(volatile int* place, int value) {
  int doubled = value * 2;
  {
    int more = doubled + 1;
    store(place, more);
  }
}

}  // namespace chain

#endif
