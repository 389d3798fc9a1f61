# Script: cmake -DINPUT=/etc/mime.types -DOUTPUT=mime_table.cc -P GenerateMime.cmake
#
# Writes the table that src/http/mime.h declares: extensions in lower case, sorted by octet, each once (the first type
# that names an extension keeps it), text types with their charset.
file(STRINGS "${INPUT}" lines REGEX "^[a-zA-Z]")
set(rows "")
foreach(line IN LISTS lines)
    string(REGEX MATCHALL "[^ \t]+" words "${line}")
    list(POP_FRONT words type)
    string(TOLOWER "${type}" type)
    if(type MATCHES "^text/")
        string(APPEND type "@charset")  # a semicolon would split the list
    endif()
    foreach(extension IN LISTS words)
        if(NOT extension MATCHES "^[A-Za-z0-9_+-]+$")
            continue()  # a second dot is never looked up: the extension of a.tar.gz is gz
        endif()
        string(TOLOWER "${extension}" extension)
        string(MAKE_C_IDENTIFIER "seen_${extension}" key)
        if(NOT DEFINED "${key}_${extension}")
            set("${key}_${extension}" TRUE)
            # The space after the extension sorts below every octet that an extension may hold, as the end of a string
            # does: the order of the lines is the order of the extensions.
            list(APPEND rows "${extension} ${type}")
        endif()
    endforeach()
endforeach()
list(LENGTH rows count)
if(count LESS 100)
    message(FATAL_ERROR "${INPUT} names ${count} extensions only, which is no table of media types: "
                        "`apt install --reinstall media-types`")
endif()
list(SORT rows COMPARE STRING)
list(TRANSFORM rows REPLACE "^([^ ]+) (.*)$" "    {\"\\1\", \"\\2\"},")
list(JOIN rows "\n" rows)
string(REPLACE "@charset" "; charset=utf-8" rows "${rows}")

file(WRITE "${OUTPUT}" "// Generated from ${INPUT} by cmake/GenerateMime.cmake.
#include \"http/mime.h\"

namespace corevent::http {

constinit const MimeEntry mime_table[] = {
${rows}
};
constinit const std::size_t mime_table_size = ${count};

}  // namespace corevent::http
")
