# Writes OUT: BL_SCRIPT(name, "sha1 of the text", "text") for each file of SCRIPTS, one escaped source line per
# string literal line.
set(all "")
foreach(file ${SCRIPTS})
  get_filename_component(name ${file} NAME_WE)
  file(SHA1 ${file} sha)
  file(READ ${file} text)
  string(REPLACE "\\" "\\\\" text "${text}")
  string(REPLACE "\"" "\\\"" text "${text}")
  string(REPLACE "\n" "\\n\"\n    \"" text "${text}")
  string(APPEND all "BL_SCRIPT(${name}, \"${sha}\",\n    \"${text}\")\n")
endforeach()
file(WRITE ${OUT} "${all}")
