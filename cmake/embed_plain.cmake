# Writes OUT: a table of one file, FILE at URL, not compressed; the form is that of embed_web.mjs, without its tools.
file(SHA256 ${FILE} sha)
string(SUBSTRING ${sha} 0 32 sha)
file(SIZE ${FILE} size)
file(WRITE ${OUT} "/* Made by cmake/embed_plain.cmake. */
#include \"web.h\"
__asm__(\".section .rodata\\n\"
  \".global bl_web_0_id\\nbl_web_0_id:\\n.incbin \\\"${FILE}\\\"\\n.byte 0\\n\"
  \".text\\n\");
extern const char bl_web_0_id[];
const struct bl_web_file bl_web_files[] = {
  {\"${URL}\", \"W/\\\"${sha}\\\"\", {{bl_web_0_id, ${size}}, {0, 0}, {0, 0}}},
};
const size_t bl_web_files_n = 1;
")
