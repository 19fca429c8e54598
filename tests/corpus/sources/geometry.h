/* Templates, operators and inlines that the C++ programs of the corpus share: the outer of two headers. */
#ifndef CORPUS_GEOMETRY_H
#define CORPUS_GEOMETRY_H

extern "C" int corpus_sink(int value);

namespace geometry {

template <typename Number>
struct Point {
  Number x;
  Number y;

  Point operator+(const Point& other) const {
    return Point{Number(x + other.x), Number(y + other.y)};
  }
  Number dot(const Point& other) const {
    Number result = x * other.x;
    result += y * other.y;
    return result;
  }
};

namespace detail {

inline int clamp(int value, int low, int high) {
  if (value < low) {
    return corpus_sink(low);  // FACT: function=clamp
  }
  if (value > high) {
    int excess = value - high;  // FACT: function=clamp, optional
    {
      int half = excess / 2;
      corpus_sink(half);  // FACT: function=clamp
    }
    return high;
  }
  return value;
}

}  // namespace detail

inline int scaled(int value, int factor) {
  int product = value * factor;
  {
    int limited = detail::clamp(product, -1000, 1000);
    product = limited + 1;
  }
  return corpus_sink(product);  // FACT: function=scaled
}

}  // namespace geometry

#endif
