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
#   <image>.crashdump.html     the same for people, a page for any browser
#   <image>.crashdump/         the symbol store
# and where the image has an SPDX document (create-spdx), by do_crashdump_spdx:
#   <image>.crashdump.spdx.json   that document with the build ids; the manifest names it
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
# - Where sources are from, the manifest says only of files of recipes that inherit crashdump.
# - With rm_work a change of CRASHDUMP_POLICY and the like makes the image anew, as its root file system is gone.

inherit crashdump-common

CRASHDUMP_BASELINE ?= ""
CRASHDUMP_BASELINE[doc] = "The manifest of an earlier release of the image: what became worse since then is the finding worse."
CRASHDUMP_CACHE ?= ""
CRASHDUMP_CACHE[doc] = "A folder to keep what was found out about files of images, so that the same bytes are not read again. It grows, and may be removed at any time."
CRASHDUMP_IMAGE_ID ?= "0"
CRASHDUMP_IMAGE_ID[doc] = "Set to '1' to put /usr/lib/crashdump/image.json into the image: its name, its version and the id that its manifest has, for crash reports."

CRASHDUMP_IMAGE_ACCOUNT = "${IMGDEPLOYDIR}/${@d.getVar('IMAGE_LINK_NAME') or d.getVar('IMAGE_NAME')}.crashdump"

python do_crashdump_image () {
    import glob
    out = d.getVar("CRASHDUMP_IMAGE_ACCOUNT")
    # when do_rootfs ran in an earlier build, the time in IMAGE_MANIFEST is not the one in that file's name
    lists = [d.getVar("IMAGE_MANIFEST") or ""] + glob.glob(d.expand("${IMGDEPLOYDIR}/${IMAGE_LINK_NAME}*.manifest"))
    command = ["image", d.getVar("IMAGE_ROOTFS"), "--debug-root", d.expand("${IMAGE_ROOTFS}-dbg"),
               "--pkgdata", d.getVar("PKGDATA_DIR"),
               "--installed", next(filter(os.path.exists, lists), lists[0]),
               "--store", out, "--manifest", out + ".json", "--html", out + ".html"]
    command += crashdump_build_facts(d) + crashdump_layers(d)
    for option, name in (("--baseline", "CRASHDUMP_BASELINE"), ("--cache", "CRASHDUMP_CACHE")):
        if d.getVar(name):
            command += [option, d.getVar(name)]
    crashdump_run(d, command)
}
do_crashdump_image[file-checksums] += "${@crashdump_policy_files(d)} ${@'${CRASHDUMP_BASELINE}:True' if d.getVar('CRASHDUMP_BASELINE') else ''}"
# The revisions that the image was made from: a commit that changes nothing in it is no reason to make its account anew.
do_crashdump_image[vardepsexclude] += "crashdump_layers CRASHDUMP_CACHE"
# Fragments of recipes that inherit crashdump; without them it is no dependency.
do_crashdump_image[recrdeptask] += "do_crashdump_symbols"
do_crashdump_image[cleandirs] = "${CRASHDUMP_IMAGE_ACCOUNT}"
do_crashdump_image[depends] = "python3-crashsym-native:do_populate_sysroot"
# not just before do_build: bundles ask for an image's do_image_complete, and rm_work removes rootfs after it
addtask crashdump_image after do_image before do_image_complete

# Of an image it is its account, which has the symbols of all recipes.
python do_crashdump_upload () {
    account = d.expand("${DEPLOY_DIR_IMAGE}/") + os.path.basename(d.getVar("CRASHDUMP_IMAGE_ACCOUNT"))
    crashdump_upload(d, account + ".json", account)
}
do_crashdump_upload[depends] = "python3-crashsym-native:do_populate_sysroot"

# Under pseudo, so that the file is root's on the device.
python crashdump_identify () {
    result = crashdump_process(d, ["identify", d.getVar("IMAGE_ROOTFS"), "--image", d.getVar("IMAGE_BASENAME"),
                                   "--image-version", d.getVar("CRASHDUMP_IMAGE_VERSION")])
    place = d.expand("${IMAGE_ROOTFS}/usr/lib/crashdump/image.json")
    bb.utils.mkdirhier(os.path.dirname(place))
    with open(place, "w") as stream:
        stream.write(result.stdout)
}

# Runs last: the image's own SPDX document names what do_image_complete has deployed.
CRASHDUMP_SPDX_DIR = "${WORKDIR}/crashdump-spdx"
python do_crashdump_spdx () {
    import glob
    image = d.getVar("IMAGE_LINK_NAME") or d.getVar("IMAGE_NAME")
    deployed = os.path.join(d.getVar("DEPLOY_DIR_IMAGE"), image)
    # scarthgap's SPDX 2.2 is packed up when deployed, under the name of the build that do_rootfs ran in
    found = glob.glob(d.expand("${SPDXIMAGEWORK}/*.spdx.json")) if bb.data.inherits_class("create-spdx-2.2", d) else []
    result = crashdump_process(d, ["spdx", deployed + ".crashdump.json", (found or [deployed + ".spdx.json"])[0],
                                   "-o", os.path.join(d.getVar("CRASHDUMP_SPDX_DIR"), image + ".crashdump.spdx.json"),
                                   "--manifest", deployed + ".crashdump.json"])
    if result.returncode != 0:
        bb.warn(result.stderr)
}
do_crashdump_spdx[cleandirs] = "${CRASHDUMP_SPDX_DIR}"
do_crashdump_spdx[depends] = "python3-crashsym-native:do_populate_sysroot"
do_crashdump_spdx[sstate-inputdirs] = "${CRASHDUMP_SPDX_DIR}"
do_crashdump_spdx[sstate-outputdirs] = "${DEPLOY_DIR_IMAGE}"
do_crashdump_spdx[stamp-extra-info] = "${MACHINE_ARCH}"
SSTATETASKS += "do_crashdump_spdx"
SSTATE_SKIP_CREATION:task-crashdump-spdx = "1"
python do_crashdump_spdx_setscene () {
    sstate_setscene(d)
}

python () {
    if not d.getVarFlag("do_crashdump_image", "task", False):
        return
    if d.getVarFlag("do_create_image_sbom_spdx", "task", False):
        bb.build.addtask("do_crashdump_spdx", "do_build", "do_create_image_sbom_spdx", d)
    elif bb.data.inherits_class("create-spdx-2.2", d):
        bb.build.addtask("do_crashdump_spdx", "do_build", "do_image_complete", d)
    else:
        return
    bb.build.addtask("do_crashdump_spdx_setscene", None, None, d)
}

# Before all anonymous functions: image.bbclass reads IMAGE_GEN_DEBUGFS in one of its own.
python crashdump_image_setup () {
    if d.getVar("CRASHDUMP_ENABLED") != "1" or not bb.data.inherits_class("image", d):
        bb.build.deltask("do_crashdump_image", d)
        return
    crashdump_add_upload(d, "do_image_complete")
    if d.getVar("IMAGE_GEN_DEBUGFS") != "1":
        d.setVar("IMAGE_GEN_DEBUGFS", "1")
        d.setVar("IMAGE_FSTYPES_DEBUGFS", "")  # only the folder is wanted, not an archive of it
    if d.getVar("CRASHDUMP_IMAGE_ID") == "1":
        # The last of what changes programs; then the times of all files are once more what they have to be.
        d.setVar("IMAGE_PREPROCESS_COMMAND:append", " crashdump_identify reproducible_final_image_task")
        d.appendVarFlag("do_image", "depends", " python3-crashsym-native:do_populate_sysroot")
    if bb.data.inherits_class("rm_work", d):
        # What runs do_crashdump_image again has to bring back what it reads.
        d.appendVarFlag("do_rootfs", "vardeps", " do_crashdump_image")
        d.appendVarFlag("do_rootfs", "depends", " " + d.getVarFlag("do_crashdump_image", "depends", False))
        d.appendVarFlag("do_rootfs", "file-checksums", " ${@crashdump_policy_files(d)}")
}
crashdump_image_setup[eventmask] = "bb.event.RecipePreFinalise"
addhandler crashdump_image_setup
