# SPDX-License-Identifier: MIT
"""The kinds of block that cxx_sources makes translation units of.

Words after a dollar sign are filled in: ``k`` the block's own name, ``linkage`` what makes its
functions inline, and the rest types and numbers that are drawn.
"""

from __future__ import annotations

RECORDS = """
struct Record$k {
    std::string name;
    $number weight = 0;
    $sequence<$number> values;
    std::map<$key, double> marks;

    bool operator<(const Record$k& other) const
    {
        return std::tie(weight, name) < std::tie(other.weight, other.name);
    }
    bool operator==(const Record$k& other) const
    {
        return weight == other.weight && name == other.name;
    }
};

$linkage int keepRecords$k($sequence<Record$k>& all, const std::string& key)
{
    std::map<std::string, std::vector<Record$k>> groups;
    for (auto& one : all) {
        groups[one.name.substr(0, $small)].push_back(one);
        if (one.values.size() > $large)
            one.values.clear();
    }
    std::set<Record$k> seen(all.begin(), all.end());
    auto place = std::lower_bound(all.begin(), all.end(), Record$k{key, 1, {}, {}});
    const int found = place == all.end() ? 0 : int(place->weight);
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return int(groups.size() + seen.size()) + found;
}
"""

SORTING = """
struct Sample$k {
    $number value;
    $number weight[$small];
    std::pair<$key, int> origin;
};

$linkage double rank$k(std::vector<Sample$k>& all, $number limit)
{
    std::sort(all.begin(), all.end(), [limit](const Sample$k& a, const Sample$k& b) {
        return a.value * limit < b.value * limit;
    });
    auto middle = std::stable_partition(all.begin(), all.end(), [limit](const Sample$k& one) {
        return one.weight[0] < limit;
    });
    std::vector<double> scores;
    std::transform(all.begin(), middle, std::back_inserter(scores), [](const Sample$k& one) {
        return double(one.value) / $large;
    });
    std::partial_sort(scores.begin(), scores.begin() + scores.size() / 2, scores.end());
    return std::accumulate(scores.begin(), scores.end(), 0.0);
}
"""

EVENTS = """
struct Event$k { long id; std::string text; };
struct Quit$k { $number code; };
struct Move$k { double x, y; $sequence<Event$k> trail; };
using Any$k = std::variant<std::monostate, Event$k, Quit$k, Move$k>;

class Bus$k {
public:
    using Handler = std::function<void(const Any$k&)>;

    void on(const $key& name, Handler call) { handlers[name].push_back(std::move(call)); }
    void post(Any$k any) { queue.push_back(std::move(any)); }

    std::optional<Any$k> next()
    {
        if (queue.empty())
            return std::nullopt;
        auto first = std::move(queue.front());
        queue.pop_front();
        return first;
    }

    int drain(std::ostream& out)
    {
        int handled = 0;
        while (auto any = next()) {
            for (auto& [name, calls] : handlers)
                for (auto& call : calls)
                    call(*any);
            handled += std::visit([&out](auto& it) { return show(out, it); }, *any);
        }
        return handled;
    }

private:
    static int show(std::ostream&, std::monostate) { return 0; }
    static int show(std::ostream& out, Event$k& it) { out << it.text << std::setw($small) << it.id; return 1; }
    static int show(std::ostream&, Quit$k& it) { return int(it.code); }
    static int show(std::ostream& out, Move$k& it) { out << it.x << ' ' << it.y; return int(it.trail.size()); }

    std::$dictionary<$key, std::vector<Handler>> handlers;
    std::deque<Any$k> queue;
};

$linkage int runBus$k(std::ostream& out, const $key& name, int count)
{
    Bus$k bus;
    int sum = 0;
    bus.on(name, [&sum](const Any$k& any) { sum += int(any.index()); });
    bus.on(name, [&sum, count](const Any$k& any) {
        if (auto* quit = std::get_if<Quit$k>(&any))
            sum += int(quit->code) * count;
    });
    for (int i = 0; i < count; ++i) {
        bus.post(Event$k{i, "text"});
        bus.post(Quit$k{$number(i)});
        bus.post(Move$k{1.0, 2.0 * i, {}});
    }
    return bus.drain(out) + sum;
}
"""

NODES = """
class Node$k : public std::enable_shared_from_this<Node$k> {
public:
    virtual ~Node$k() = default;
    virtual $number cost(int depth) const = 0;

    void add(std::shared_ptr<Node$k> child)
    {
        child->parent = weak_from_this();
        children.push_back(std::move(child));
    }

    $sequence<std::shared_ptr<Node$k>> children;
    std::weak_ptr<Node$k> parent;
};

class Leaf$k final : public Node$k {
public:
    explicit Leaf$k($number start) : value(start) {}
    $number cost(int depth) const override { return value * $number(depth); }

private:
    $number value;
};

class Branch$k final : public Node$k {
public:
    std::list<$number> costs;
    $number cost(int depth) const override
    {
        return std::accumulate(
            children.begin(), children.end(), $number(costs.size()),
            [depth]($number sum, const std::shared_ptr<Node$k>& child) { return sum + child->cost(depth + 1); });
    }
};

$linkage double grow$k(int count)
{
    auto root = std::make_shared<Branch$k>();
    for (int i = 0; i < count; ++i) {
        if (i % $small) {
            root->add(std::make_shared<Leaf$k>($number(i)));
            continue;
        }
        auto branch = std::make_shared<Branch$k>();
        branch->add(std::make_shared<Leaf$k>($number(i)));
        branch->costs.push_back($number(i));
        root->add(branch);
    }
    std::unique_ptr<Node$k> spare(new Leaf$k($large));
    std::reverse(root->children.begin(), root->children.end());
    auto half = std::partition(root->children.begin(), root->children.end(), [&spare](auto& one) {
        return one->cost(0) > spare->cost(1);
    });
    return double(root->cost(0)) + double(std::distance(root->children.begin(), half));
}
"""

INDEX = """
struct Key$k {
    $key first;
    $number second;
    bool operator==(const Key$k& other) const { return first == other.first && second == other.second; }
};
struct Hash$k {
    std::size_t operator()(const Key$k& key) const
    {
        return std::hash<$key>()(key.first) * $large + std::hash<$number>()(key.second);
    }
};
template <class Value, class... Others>
class Index$k {
public:
    using Row = std::tuple<Value, Others...>;
    template <class... Arguments>
    Row& put(Key$k key, Arguments&&... arguments)
    {
        auto [place, fresh] = rows.insert_or_assign(std::move(key), Row(std::forward<Arguments>(arguments)...));
        fresh ? ++added : ++changed;
        return place->second;
    }
    template <class Call>
    int each(Call call) const
    {
        int count = 0;
        for (const auto& [key, row] : rows)
            count += std::apply([&](const auto&... parts) { return call(key, parts...); }, row);
        return count;
    }
    int added = 0, changed = 0;

private:
    std::unordered_map<Key$k, Row, Hash$k> rows;
};

$linkage int fillIndex$k(const std::vector<$key>& keys, std::ostream& out)
{
    Index$k<std::string, $number, std::vector<$key>> index;
    $number n = 0;
    for (const auto& key : keys)
        index.put(Key$k{key, n++}, std::string($small, 'x'), n, keys);
    return index.added + index.each([&out](const Key$k& key, const std::string& text, $number, const auto& more) {
        out << text << key.second << more.size();
        return int(text.size());
    });
}
"""

GRIDS = """
template <class Number, int Size>
struct Grid$k {
    Number cell[Size][Size];

    Grid$k operator*(const Grid$k& other) const
    {
        Grid$k result{};
        for (int i = 0; i < Size; ++i)
            for (int j = 0; j < Size; ++j)
                for (int l = 0; l < Size; ++l)
                    result.cell[i][j] += cell[i][l] * other.cell[l][j];
        return result;
    }
    Number trace() const
    {
        Number sum{};
        for (int i = 0; i < Size; ++i)
            sum += cell[i][i];
        return sum;
    }
};
template <class Number, int Size>
Number shrink$k(const Number* from)
{
    Grid$k<Number, Size> grid;
    for (int i = 0; i < Size * Size; ++i)
        grid.cell[i / Size][i % Size] = from[i];
    if constexpr (Size > 2)
        return (grid * grid).trace() + shrink$k<Number, Size - 1>(from);
    else
        return grid.trace();
}
$linkage double grids$k(const $number* some, const double* others)
{
    return double(shrink$k<$number, $small>(some)) + shrink$k<double, $small>(others);
}
"""

MODEL = """
enum class State$k { Idle, Loading = $small, Ready, Failed = $large };
struct Options$k { bool strict : 1, quiet : 1; $number limit; const char* path; State$k state; int pad[$small]; };
class Listener$k {
public:
    virtual ~Listener$k();
    virtual void changed(const std::string& what, State$k state) = 0;
    virtual bool accepts(const Options$k&) const;
};
$linkage Listener$k::~Listener$k() {}
$linkage bool Listener$k::accepts(const Options$k& options) const { return !options.strict || options.limit > $small; }

class Model$k {
public:
    explicit Model$k(const Options$k& start);
    ~Model$k();
    void attach(Listener$k* listener);
    void setState(State$k next);
    State$k state() const;
    const $key& at(std::size_t row) const;
$declarations
private:
    void tell(const char* what);
    Options$k options;
    $sequence<Listener$k*> listeners;
    std::vector<$key> rows;
    $members
};
$linkage Model$k::Model$k(const Options$k& start) : options(start) {}
$linkage Model$k::~Model$k() { setState(State$k::Idle); }
$linkage void Model$k::attach(Listener$k* listener)
{
    if (listener->accepts(options))
        listeners.push_back(listener);
}
$linkage void Model$k::setState(State$k next)
{
    if (options.state == next)
        return;
    options.state = next;
    tell("state");
}
$linkage State$k Model$k::state() const { return options.state; }
$linkage const $key& Model$k::at(std::size_t row) const { return rows.at(row); }
$linkage void Model$k::tell(const char* what)
{
    for (auto* listener : listeners)
        listener->changed(what, options.state);
}
$definitions
"""

PROPERTY = """
$linkage $number Model$k::property$n() const { return property${n}_ + $n; }
$linkage void Model$k::setProperty$n($number next, const $key& row)
{
    if (property${n}_ == next && !options.strict)
        return;
    property${n}_ = next;
    rows.push_back(row);
    tell("property$n");
}
"""

BLOCKS = (
    MODEL,
    MODEL,
    MODEL,
    RECORDS,
    RECORDS,
    SORTING,
    EVENTS,
    EVENTS,
    NODES,
    INDEX,
    INDEX,
    GRIDS,
)
