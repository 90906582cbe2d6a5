#pragma once
#include <functional>
#include <map>
#include <set>

#include "models/gpu/generator/formula_kernel.hpp"
#include "models/gpu/generator/writer.hpp"

namespace triad::gpu::generator {

/// Writes one kernel of a formula. A row whose parts are spread over blocks takes a kernel per stage, which leaves the
/// parts' results in scratch memory, and a last one; any other formula takes one kernel.
class RowKernel {
 public:
  RowKernel(const Request& request, const Plan& plan);
  /// All stages and the results.
  std::string whole();
  /// The parts of stage `stage` of every row, to scratch memory.
  std::string partial(int stage);
  /// The results, from all stages in scratch memory.
  std::string last();

 private:
  /// The values of a position of the row, or (position empty, the only one) of the row itself.
  struct Scope {
    Name position;
    std::vector<Name> values, predicates;               ///< by term; empty: not computed
    std::map<std::int64_t, Name> quotients;             ///< position divided by this
    std::map<std::vector<std::int64_t>, Name> offsets;  ///< by strides
    Name active;                                        ///< predicate: the position exists; empty: it does
  };
  using Body = std::function<void(const std::vector<Scope*>&)>;

  void begin(bool with_positions);
  std::string finish();
  Scope make_scope(Name position) const;
  void need(int term, int done);
  void prepare(int done);
  void hold_positions();
  void reduce(int stage);
  void across_lanes(const std::vector<int>& reductions, std::vector<Name>& sums, bool to_all);
  void combine(int stage);
  void store_partials(int stage, const std::vector<int>& reductions, const std::vector<Name>& sums);
  void deliver();
  void loop(const Body& body);

  bool is_reduction(int term) const;
  std::vector<int> reductions_of(int stage) const;
  Name combined(int reduction, const Name& a, const Name& b);
  void combine_into(int reduction, const Name& sum, const Name& value, const std::string& guard);
  static float identity(graph::Function function);

  Name value(int term, Scope& scope);
  Name predicate(int term, Scope& scope);
  Name compute(int term, Scope& scope);
  Scope& home(int term, Scope& scope) { return per_row_[static_cast<std::size_t>(term)] ? row_ : scope; }
  Name offset(const std::vector<std::int64_t>& strides, Scope& scope);
  Name quotient(std::int64_t divisor, Scope& scope);
  Name coordinate(std::size_t axis, Scope& scope);
  std::int64_t extent_behind(std::size_t axis) const;
  Name pointer(std::size_t number);
  /// Where the row begins in operand or result `number`.
  Name row_address(std::size_t number, const Access& access);
  Name element(std::size_t number, const Access& access, Scope& scope);
  void store(std::size_t result, Scope& scope, const std::string& guard);
  std::string guard_of(const Name& a, const Name& b);

  const Request& request_;
  const graph::Formula& formula_;
  const Plan& plan_;
  std::vector<int> stages_;
  std::vector<bool> per_row_;
  std::vector<std::int64_t> dense_;  ///< strides of the space itself
  Writer w_;
  std::set<int> needed_;
  Scope row_;
  std::vector<Scope> held_;
  Name lane_, self_, root_;           ///< position lane; byte offsets in shared memory: own, of lane 0 of the row
  Name row_valid_;                    ///< predicate; empty: every row exists
  Name part_, first_position_, end_;  ///< of the part; `end_` is a literal where all parts end alike
  std::map<std::size_t, Name> pointers_, row_addresses_;
  int shared_bytes_ = 0;
  std::string exit_;  ///< label, when some threads have nothing to do
  bool shared_in_use_ = false;
};

}  // namespace triad::gpu::generator
