# The IPs a block design here is made of: properties with the values they take, pins, interfaces.
#
# Vendor IPs: PG085 (AXI4-Stream infrastructure), PG122 (shift register) and what working designs use of the two utility IPs.
# Only what these name is offered; a property missing here may exist.
# HLS IPs: made from the design's own ports, with the pin names the chosen HLS release gives them.

namespace eval model {
    variable catalog {}        ;# VLNV -> properties, pins, interfaces, folder
    variable repositories {}   ;# folders the project has read IPs from
    # First and last release of versions that were replaced.
    variable versions {xilinx.com:ip:util_ds_buf:2.1 {2018.1 2021.1} xilinx.com:ip:util_ds_buf:2.2 {2021.2 9999.9}}
}

# properties: name default rule;  pins: name direction type width;  interfaces: name mode protocol width
proc model::define_ip {vlnv properties pins interfaces {folder ""}} {
    variable catalog
    dict set catalog $vlnv [dict create properties $properties pins $pins interfaces $interfaces folder $folder]
}

# The VLNVs a script can create cells of: those of its release, and of the repositories it has read.
proc model::offered {} {
    variable catalog
    variable versions
    variable release
    variable repositories
    set found {}
    dict for {vlnv definition} $catalog {
        lassign [expr {[dict exists $versions $vlnv] ? [dict get $versions $vlnv] : {2018.1 9999.9}}] first last
        if {[string compare $release $first] < 0 || [string compare $release $last] > 0} continue
        set folder [dict get $definition folder]
        if {$folder ne ""} {
            set read [lsearch -inline $repositories $folder]
            foreach repository $repositories { if {[string match $repository/* $folder]} { set read $repository } }
            if {$read eq ""} continue
        }
        lappend found $vlnv
    }
    return $found
}

# A width written $NAME is the value of that property, $NAME/8 an eighth of it; a pin's 5th word is {NAME value}: it is there only with that value.
model::define_ip xilinx.com:ip:axis_data_fifo:2.0 {
    TDATA_NUM_BYTES "" {integer 0 512}
    FIFO_DEPTH 512 {power_of_two 16 32768}
    FIFO_MEMORY_TYPE auto {one_of auto distributed block ultra}
    FIFO_MODE 1 {one_of 1 2}
    IS_ACLK_ASYNC 0 {one_of 0 1}
    HAS_TLAST 0 {one_of 0 1}
    HAS_TKEEP 0 {one_of 0 1}
    HAS_TSTRB 0 {one_of 0 1}
} {
    s_axis_aclk I clk 1 {}
    s_axis_aresetn I rst 1 {}
} {
    S_AXIS Slave axis $TDATA_NUM_BYTES
    M_AXIS Master axis $TDATA_NUM_BYTES
}
model::define_ip xilinx.com:ip:axis_dwidth_converter:1.1 {
    S_TDATA_NUM_BYTES 1 {integer 1 512}
    M_TDATA_NUM_BYTES 1 {integer 1 512}
    HAS_TLAST 0 {one_of 0 1}
    HAS_TKEEP 0 {one_of 0 1}
    HAS_MI_TKEEP 0 {one_of 0 1}
} {
    aclk I clk 1 {}
    aresetn I rst 1 {}
} {
    S_AXIS Slave axis $S_TDATA_NUM_BYTES
    M_AXIS Master axis $M_TDATA_NUM_BYTES
}
# REG_CONFIG: UNCONFIRMED codes. In public designs 15 stands beside NUM_SLR_CROSSINGS, so it is PG085's Multi SLR Crossing.
model::define_ip xilinx.com:ip:axis_register_slice:1.1 {
    TDATA_NUM_BYTES "" {integer 0 512}
    REG_CONFIG 1 {one_of 0 1 7 8 12 13 15 16}
    NUM_SLR_CROSSINGS 0 {integer 0 3}
    PIPELINES_MASTER 0 {integer 0 16}
    PIPELINES_SLAVE 0 {integer 0 16}
    PIPELINES_MIDDLE 0 {integer 0 16}
    HAS_TLAST 0 {one_of 0 1}
    HAS_TKEEP 0 {one_of 0 1}
} {
    aclk I clk 1 {}
    aresetn I rst 1 {}
} {
    S_AXIS Slave axis $TDATA_NUM_BYTES
    M_AXIS Master axis $TDATA_NUM_BYTES
}
model::define_ip xilinx.com:ip:c_shift_ram:12.0 {
    Width 16 {integer 1 256}
    Depth 16 {integer 1 1088}
    DefaultData 0000000000000000 any
    AsyncInitVal 0000000000000000 any
    SyncInitVal 0000000000000000 any
    SSET false {one_of true false}
    SCLR false {one_of true false}
} {
    CLK I clk 1 {}
    D I data $Width {}
    Q O data $Width {}
} {}
# For block designs of the user's own: its reading channel alone (PG021). TDATA is counted in bits here.
model::define_ip xilinx.com:ip:axi_dma:7.1 {
    c_include_sg 1 {one_of 0 1}
    c_include_s2mm 1 {one_of 0 1}
    c_m_axis_mm2s_tdata_width 32 {one_of 8 16 32 64 128 256 512 1024}
    c_sg_length_width 14 {integer 8 26}
} {
    s_axi_lite_aclk I clk 1 {}
    m_axi_mm2s_aclk I clk 1 {}
    axi_resetn I rst 1 {}
    mm2s_introut O intr 1 {}
} {
    S_AXI_LITE Slave aximm {32 10}
    M_AXI_MM2S Master aximm {32 32}
    M_AXIS_MM2S Master axis $c_m_axis_mm2s_tdata_width/8
}
foreach version {2.1 2.2} {model::define_ip xilinx.com:ip:util_ds_buf:$version {
    C_SIZE 1 {integer 1 128}
    C_BUF_TYPE IBUFDS {one_of IBUFDS OBUFDS IOBUFDS IBUFDSGTE OBUFDSGTE BUFG BUFGCE BUFG_GT BUFH}
} {
    BUFG_I I data $C_SIZE {C_BUF_TYPE BUFG}
    BUFG_O O data $C_SIZE {C_BUF_TYPE BUFG}
    IBUF_DS_P I data $C_SIZE {C_BUF_TYPE IBUFDS}
    IBUF_DS_N I data $C_SIZE {C_BUF_TYPE IBUFDS}
    IBUF_OUT O data $C_SIZE {C_BUF_TYPE IBUFDS}
} {}}
model::define_ip xilinx.com:ip:util_reduced_logic:2.0 {
    C_SIZE 8 {integer 1 4096}
    C_OPERATION and {one_of and or xor}
} {
    Op1 I data $C_SIZE {}
    Res O data 1 {}
} {}

# An IP of the design: {stream name mode bytes}, {master name data_bits address_bits}, {slave name data_bits}, {output name}.
proc model::define_hls_ip {vlnv ports folder} {
    set pins {ap_clk I clk 1 {} ap_rst_n I rst 1 {}}
    set interfaces {}
    foreach port $ports {
        lassign $port kind name first second
        switch $kind {
            stream { lappend interfaces $name $first axis $second }
            master { lappend interfaces $name Master aximm [list $first $second] }
            slave {
                lappend interfaces $name Slave aximm [list $first 12]
                lappend pins interrupt O intr 1 {}
            }
            output { lappend pins $name O undef 1 {} }
        }
    }
    define_ip $vlnv {} $pins $interfaces $folder
}

proc model::ip_properties {cell} {
    variable catalog
    return [dict get $catalog [get $cell VLNV] properties]
}

# CONFIG.<name> -> rule of an object.
proc model::config_rules {object} {
    set rules {}
    switch [kind $object] {
        cell {
            foreach {name default rule} [ip_properties $object] {
                dict set rules CONFIG.$name $rule
                dict set rules CONFIG.$name.VALUE_SRC {one_of USER DEFAULT}
            }
        }
        interface - interface_port {
            if {[get $object PROTOCOL] eq "axis"} {
                dict set rules CONFIG.TDATA_NUM_BYTES any
            } else {
                dict set rules CONFIG.DATA_WIDTH any
                dict set rules CONFIG.ADDR_WIDTH any
            }
        }
        port {
            if {[get $object TYPE] eq "clk"} { dict set rules CONFIG.FREQ_HZ {integer 1 2000000000} }
            if {[get $object TYPE] eq "rst"} { dict set rules CONFIG.POLARITY {one_of ACTIVE_LOW ACTIVE_HIGH} }
        }
    }
    return $rules
}

proc model::config_value {object name} {
    if {[kind $object] eq "cell"} {
        foreach {property default rule} [ip_properties $object] {
            if {"CONFIG.$property" eq $name} { return [get $object $name $default] }
        }
    }
    if {[kind $object] eq "interface" && [get $object PROTOCOL] eq "axis"} { return [stream_bytes $object] }
    return [get $object $name]
}

# A number, or that of the property it names.
proc model::width {cell width} {
    if {![string match {$*} $width]} { return $width }
    lassign [split [string range $width 1 end] /] name divisor
    set value [config_value $cell CONFIG.$name]
    return [expr {$divisor eq "" ? $value : $value / $divisor}]
}

# TDATA of a stream pin; a FIFO or register slice that was given none takes that of the stream it is connected to.
proc model::stream_bytes {interface} {
    set cell [get $interface OWNER]
    set bytes [width $cell [get $interface WIDTH]]
    if {$bytes eq ""} {
        set peer [peer $cell/S_AXIS]
        if {$peer ne "" && $peer ne $interface} { return [stream_bytes $peer] }
    }
    return $bytes
}
