SUMMARY = "Breakpad symbol files, a manifest by build-id and readable stacks"
DESCRIPTION = "The crashsym command and its Python library, from the very checkout that holds this layer."
HOMEPAGE = "https://github.com/meta-crashdump/meta-crashdump"
SECTION = "devel/python"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://LICENSE;md5=015268d62a4f99ea26917432e93fe067"

# The files are named one by one: __pycache__ folders and a kernel built in the checkout, which come and go, stay out of
# the signatures, and so does the place of the checkout.
def crashsym_sources(d):
    root = os.path.normpath(os.path.join(d.getVar("THISDIR"), "..", ".."))
    sources = ["LICENSE", "MANIFEST.in", "bin/crashsym", "pyproject.toml", "setup.py"]
    kinds = (".py", ".pyi", ".pxd", ".pyx", ".css", ".js", "py.typed")
    for folder, folders, names in os.walk(os.path.join(root, "lib", "crashsym")):
        folders[:] = sorted(set(folders) - {"__pycache__"})
        bb.parse.mark_dependency(d, folder)
        sources += [os.path.relpath(os.path.join(folder, name), root) for name in names if name.endswith(kinds)]
    return " ".join("file://%s;subdir=crashsym" % source for source in sorted(sources))

FILESEXTRAPATHS:prepend := "${THISDIR}/../..:"
SRC_URI = "${@crashsym_sources(d)}"

# scarthgap knows no UNPACKDIR
S = "${@d.getVar('UNPACKDIR') or d.getVar('WORKDIR')}/crashsym"

inherit python_setuptools_build_meta

DEPENDS += "python3-cython-native"

# elsewhere a kernel that cannot be compiled is left out; here it is an error
export CRASHSYM_KERNEL = "required"

# pyproject.toml names README.md. Its text does not matter to the tool, and should not make every recipe's symbols anew.
do_configure:append() {
    : > ${S}/README.md
}

RDEPENDS:${PN} += " \
    python3-core \
    python3-crypt \
    python3-ctypes \
    python3-datetime \
    python3-io \
    python3-json \
    python3-multiprocessing \
    python3-netclient \
    python3-pickle \
    python3-pyelftools \
    python3-requests \
    python3-resource \
"

# to read policy files; where Python has no package of this name, it is in another
RRECOMMENDS:${PN}:append:class-target = " python3-tomllib"

BBCLASSEXTEND = "native"
