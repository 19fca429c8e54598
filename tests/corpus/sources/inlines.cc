// Nested inlines over three files, lexical blocks between them, several ranges, local classes, lambdas.
#include "shapes.h"

namespace shapes {

int Shape::area() const { return size_; }

int Shape::count() {
  static int calls = 0;
  return ++calls;
}

int Square::area() const {
  int result = 0;
  for (int row = 0; row < size_; ++row) {
    int width = geometry::detail::clamp(row, 0, size_);  // FACT: function=area, optional
    {
      int step = width + row;
      {
        int scaled = geometry::scaled(step, 3);
        result += scaled;
      }
    }
  }
  return result;
}

namespace {

struct Counter {
  int value;
  int advance(int by);
};

int Counter::advance(int by) {
  value = descend<2>(value + by);  // FACT: function=advance, optional
  return value;
}

}  // namespace

static int helper(int value) { return corpus_sink(value) + geometry::scaled(value, 7); }

}  // namespace shapes

template <typename Callback>
static int twice(Callback callback) {
  return callback(1) + callback(2);  // FACT: function=twice, optional
}

extern "C" __attribute__((noinline)) int corpus_local_class(int value) {
  struct Local {
    int base;
    __attribute__((noinline)) int method(int extra) const {
      return geometry::scaled(base + extra, 2);
    }
    int inlined(int extra) const { return geometry::detail::clamp(base, extra, 100); }
  };
  Local local{value};
  return local.method(1) + local.inlined(2);  // FACT: function=corpus_local_class
}

extern "C" __attribute__((noinline)) int corpus_lambda(int value) {
  auto add = [value](int extra) __attribute__((noinline)) {
    return geometry::scaled(value + extra, 5);  // FACT: function=operator(), optional
  };
  return twice(add) + twice([](int extra) { return geometry::detail::clamp(extra, 0, 9); });
}

extern "C" __attribute__((noinline)) int corpus_inlines(int value) {
  geometry::Point<int> first{value, 2};
  geometry::Point<int> second{3, value};
  int result = (first + second).dot(first);
  geometry::Point<long long> wide{value, 4};
  result += static_cast<int>(wide.dot(wide));
  if (value > 3) {
    shapes::Counter counter{value};
    result += counter.advance(result);
  } else {
    shapes::Square square(value);
    shapes::Shape* shape = &square;
    result += shape->area() + square.doubled();
    if (square < shapes::Square(result)) {
      result += int(square) + shapes::Shape::count();
    }
  }
  return result + shapes::helper(result) + corpus_local_class(value) + corpus_lambda(value);
}
