SUMMARY = "A root file system with the example and a plain program, and nothing else"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302"

IMAGE_INSTALL = "crashdump-example plain-program"
IMAGE_LINGUAS = ""
IMAGE_FSTYPES = "tar.zst"

inherit image

# neither the usual base nor what needs tools that only OE-Core builds
ROOTFS_BOOTSTRAP_INSTALL = ""
KERNELDEPMODDEPEND = ""
KERNEL_DEPLOY_DEPEND = ""
LDCONFIGDEPEND = ""
USE_DEPMOD = "0"
USE_DEVFS = "1"

# the same for its SDK: a sysroot of the target, and no tools of the host
TOOLCHAIN_HOST_TASK = ""
TOOLCHAIN_TARGET_TASK = "${PACKAGE_INSTALL}"
SDKIMAGE_LINGUAS = ""
