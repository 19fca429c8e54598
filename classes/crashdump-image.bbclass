# SPDX-License-Identifier: MIT
#
# Account for each ELF file of an image: a manifest in which every one of them has an entry, with its package and
# recipe, and the Breakpad symbol files of all of them.
#
#   One image:        inherit crashdump-image                 (in the image recipe or its .bbappend)
#   All images:       IMAGE_CLASSES += "crashdump-image"      (in local.conf or the distro configuration)
#   Not this one:     CRASHDUMP_ENABLED:pn-foo-image = "0"
#
# What a build leaves in ${DEPLOY_DIR_IMAGE}, beside the image and called like it:
#   <image>.crashdump.json     the manifest
#   <image>.crashdump/         the symbol store
#
# No recipe has to inherit crashdump: the debug information is in the -dbg packages, which OE installs into a root
# file system beside the image's own. No package is made anew for that.
#
# do_crashdump_image runs when all hooks of do_rootfs and do_image have, and before the image is deployed: an image with
# a finding of level error is not. Image and account are deployed, replaced and cleaned together, by do_image_complete.
# Like that one's, its result is never taken from sstate, so what is wrong is said each time the image is made.
#
# Limits:
# - What a do_image_<type> changes while it packs the image up is not seen.
# - A file that a hook has changed and that has kept its size is found out only where the image has the database of
#   dpkg, i.e. with IMAGE_FEATURES += "package-management" and PACKAGE_CLASSES = "package_deb".
# - The manifest does not have the 'source' of modules; the fragments of recipes that inherit crashdump do.
# - With rm_work a change of CRASHDUMP_POLICY and the like makes the image anew, as its root file system is gone.

inherit crashdump-common

CRASHDUMP_IMAGE_ACCOUNT = "${IMGDEPLOYDIR}/${@d.getVar('IMAGE_LINK_NAME') or d.getVar('IMAGE_NAME')}.crashdump"

python do_crashdump_image () {
    import glob
    out = d.getVar("CRASHDUMP_IMAGE_ACCOUNT")
    # when do_rootfs ran in an earlier build, the time in IMAGE_MANIFEST is not the one in that file's name
    lists = [d.getVar("IMAGE_MANIFEST") or ""] + glob.glob(d.expand("${IMGDEPLOYDIR}/${IMAGE_LINK_NAME}*.manifest"))
    crashdump_run(d, ["image", d.getVar("IMAGE_ROOTFS"), "--debug-root", d.expand("${IMAGE_ROOTFS}-dbg"),
                      "--pkgdata", d.getVar("PKGDATA_DIR"),
                      "--installed", next(filter(os.path.exists, lists), lists[0]),
                      "--store", out, "--manifest", out + ".json"])
}
do_crashdump_image[file-checksums] += "${@crashdump_policy_files(d)}"
do_crashdump_image[cleandirs] = "${CRASHDUMP_IMAGE_ACCOUNT}"
do_crashdump_image[depends] = "python3-crashsym-native:do_populate_sysroot"
# not just before do_build: bundles ask for an image's do_image_complete, and rm_work removes rootfs after it
addtask crashdump_image after do_image before do_image_complete

# Before all anonymous functions: image.bbclass reads IMAGE_GEN_DEBUGFS in one of its own.
python crashdump_image_setup () {
    if d.getVar("CRASHDUMP_ENABLED") != "1" or not bb.data.inherits_class("image", d):
        bb.build.deltask("do_crashdump_image", d)
        return
    if d.getVar("IMAGE_GEN_DEBUGFS") != "1":
        d.setVar("IMAGE_GEN_DEBUGFS", "1")
        d.setVar("IMAGE_FSTYPES_DEBUGFS", "")  # only the folder is wanted, not an archive of it
    if bb.data.inherits_class("rm_work", d):
        # What runs do_crashdump_image again has to bring back what it reads.
        d.appendVarFlag("do_rootfs", "vardeps", " do_crashdump_image")
        d.appendVarFlag("do_rootfs", "depends", " " + d.getVarFlag("do_crashdump_image", "depends", False))
        d.appendVarFlag("do_rootfs", "file-checksums", " ${@crashdump_policy_files(d)}")
}
crashdump_image_setup[eventmask] = "bb.event.RecipePreFinalise"
addhandler crashdump_image_setup
