SUMMARY = "The distribution's Python and its packages, as OE-Core's native ones"
DESCRIPTION = "nativepython3 is the host's interpreter in a virtual environment whose prefix is the native sysroot: it sees \
what our recipes install there, and below that the distribution's own packages."
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302"
PROVIDES += " \
    python3-build-native \
    python3-installer-native \
    python3-native \
    python3-pyelftools-native \
    python3-requests-native \
    python3-setuptools-native \
    python3-wheel-native \
"
SRC_URI = "file://installer-init file://installer-main file://pyproject-build file://sysconfigdata"
S = "${UNPACKDIR}"

inherit native python3-dir
INHIBIT_DEFAULT_DEPS = "1"
do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -d ${D}${bindir}/python3-native
    ln -s /usr/bin/python3 ${D}${bindir}/nativepython3
    ln -s /usr/bin/python3 ${D}${bindir}/python3-native/python3
    printf 'home = /usr/bin\ninclude-system-site-packages = true\n' > ${D}${bindir}/pyvenv.cfg
    install -m 0755 ${S}/pyproject-build ${D}${bindir}
    install -d ${D}${PYTHON_SITEPACKAGES_DIR}/installer
    install -m 0644 ${S}/sysconfigdata ${D}${PYTHON_SITEPACKAGES_DIR}/_sysconfigdata.py
    install -m 0644 ${S}/installer-init ${D}${PYTHON_SITEPACKAGES_DIR}/installer/__init__.py
    install -m 0644 ${S}/installer-main ${D}${PYTHON_SITEPACKAGES_DIR}/installer/__main__.py
}

RPROVIDES:${PN} = "${@' '.join('python3-%s-native' % part for part in d.getVar('PYTHON_PARTS').split())}"
PYTHON_PARTS = "asyncio compression core crypt ctypes datetime debugger io json logging math misc multiprocessing netclient numbers \
pickle pprint pyelftools requests resource shell threading"
