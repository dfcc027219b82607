"""libzmd as a package for Conan 2, built with cargo: of the checkout that the recipe is in, or of the source's archive that
conandata.yml beside it names."""

import os
import re

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.build import cross_building
from conan.tools.cmake import CMake, CMakeToolchain, cmake_layout
from conan.tools.files import copy, get, load, rm, rmdir

required_conan_version = ">=2.0"

# What cargo reads, the other members of the workspace included.
SOURCES = (
    "CMakeLists.txt", "Cargo.toml", "Cargo.lock", "build.rs", "cbindgen.toml", "cross/pathless", "README.md", "LICENSE-*",
    "THIRD-PARTY-LICENSES", "sbom/*", "src/*", "include/*", "benches/*", "bindings/cmake/*", "bindings/cpp/zmd.hpp",
    "cli/*", "core/*", "tests/*",
)


class Zmd(ConanFile):
    name = "zmd"
    description = "How far is a Zoho CRM mass-delete job? A C library, with a header for C++."
    license = "MIT OR Apache-2.0"
    homepage = "https://example.org/zmd"
    topics = ("zoho", "crm", "etl")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False]}
    default_options = {"shared": False}
    # cargo writes to the build folder alone.
    no_copy_source = True

    @property
    def _checkout(self):
        return os.path.join(self.recipe_folder, os.pardir, os.pardir)

    def set_version(self):
        if self.conan_data:
            self.version = self.version or next(iter(self.conan_data["sources"]))
            return
        manifest = load(self, os.path.join(self._checkout, "Cargo.toml"))
        self.version = re.search(r'^version = "(.*)"', manifest, re.MULTILINE).group(1)

    def export_sources(self):
        if self.conan_data:
            return
        for pattern in SOURCES:
            copy(self, pattern, self._checkout, self.export_sources_folder)

    def source(self):
        if self.conan_data:
            get(self, **self.conan_data["sources"][self.version], strip_root=True)

    def layout(self):
        cmake_layout(self)

    def validate(self):
        if self.settings.os not in ("Linux", "Macos") or cross_building(self):
            raise ConanInvalidConfiguration("this recipe builds on Linux and macOS, for the system that it runs on")

    def package_id(self):
        # cargo builds it, optimized, and its interface is C's.
        del self.info.settings.compiler
        del self.info.settings.build_type

    def generate(self):
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["ZMD_INSTALL"] = True
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()
        copy(self, "*LICENSE*", os.path.join(self.package_folder, "share", "doc", "zmd"),
             os.path.join(self.package_folder, "licenses"))
        # Conan writes a package for CMake itself, and has one kind of library in a package.
        rmdir(self, os.path.join(self.package_folder, "share"))
        for unwanted in ["libzmd.a"] if self.options.shared else ["libzmd.so*", "libzmd*.dylib"]:
            rm(self, unwanted, os.path.join(self.package_folder, "lib"))

    def package_info(self):
        self.cpp_info.libs = ["zmd"]
        self.cpp_info.set_property("cmake_target_name", "zmd::zmd")
        self.cpp_info.set_property("pkg_config_name", "zmd")
        if not self.options.shared:
            self.cpp_info.set_property("cmake_target_aliases", ["zmd::zmd-static"])
            if self.settings.os == "Macos":
                self.cpp_info.frameworks = ["Security", "CoreFoundation"]
                self.cpp_info.system_libs = ["iconv"]
            else:
                self.cpp_info.system_libs = ["util", "rt", "pthread", "m", "dl"]
