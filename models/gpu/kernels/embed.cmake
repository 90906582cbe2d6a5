# cmake -DFILES=a.ptx;b.ptx -DOUTPUT=x.cpp -P embed.cmake: a table of the files' names and texts, as kernels.hpp declares it.
set(CODE "#include \"models/gpu/kernels/kernels.hpp\"\n\nnamespace triad::gpu {\nnamespace {\nconstexpr PtxSource sources[] = {\n")
foreach(FILE ${FILES})
  get_filename_component(NAME ${FILE} NAME_WE)
  file(READ ${FILE} TEXT)
  string(APPEND CODE "    {\"${NAME}\", R\"PTX(${TEXT})PTX\"},\n")
endforeach()
string(APPEND CODE "};\n}  // namespace\n\nstd::span<const PtxSource> ptx_sources() { return sources; }\n\n}  // namespace triad::gpu\n")
file(WRITE ${OUTPUT} "${CODE}")
