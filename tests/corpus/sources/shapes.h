/* The inner of two headers: its inlines call those of geometry.h, so a chain crosses two files. */
#ifndef CORPUS_SHAPES_H
#define CORPUS_SHAPES_H

#include "geometry.h"

namespace shapes {

class Shape {
 public:
  explicit Shape(int size) : size_(size) {}
  virtual ~Shape() {}
  virtual int area() const;
  int doubled() const { return geometry::scaled(size_, 2); }
  static int count();

 protected:
  int size_;
};

class Square : public Shape {
 public:
  explicit Square(int size) : Shape(size) {}
  int area() const override;
  bool operator<(const Square& other) const { return size_ < other.size_; }
  operator int() const { return size_; }
};

template <int Depth>
inline int descend(int value) {
  int here = geometry::scaled(value, Depth);  // FACT: function=descend, optional
  return here + descend<Depth - 1>(here - 1);
}

template <>
inline int descend<0>(int value) {
  return corpus_sink(value);  // FACT: function=descend
}

}  // namespace shapes

#endif
