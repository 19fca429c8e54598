SUMMARY = "The test environment's Cython, as OE-Core's native one"
DESCRIPTION = "Distributions have Cythons that are too old. yocto/from_venv.py puts the one of pyproject.toml into files/."
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302"
PROVIDES += "python3-cython-native"
SRC_URI = "file://site-packages"
S = "${UNPACKDIR}"

inherit native python3-dir
INHIBIT_DEFAULT_DEPS = "1"
do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -d ${D}${PYTHON_SITEPACKAGES_DIR}
    cp -r ${S}/site-packages/. ${D}${PYTHON_SITEPACKAGES_DIR}
}
