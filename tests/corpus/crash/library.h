#ifndef CORPUS_LIBRARY_H
#define CORPUS_LIBRARY_H

namespace library {

typedef int (*Callback)(volatile int* place, int value);

int call_back(Callback callback, volatile int* place, int value);

}  // namespace library

#endif
